// Reads images of text lines with a file that `paretext export` wrote. It reads what Paretext reads, as it computes the same:
//
// - Images are resized as Pillow's antialiased bilinear filter does, since a canvas does it otherwise in every browser.
// - What the network expects (height, width, contrast, charset, decoding) is in the metadata of the file.
import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs";

ort.env.wasm.wasmPaths = new URL("./node_modules/onnxruntime-web/dist/", import.meta.url).href;
ort.env.wasm.numThreads = 1; // more threads need a page that is isolated from other origins
ort.env.logLevel = "error";

const COEFFICIENT_UNIT = 2 ** 22; // Pillow's coefficients are multiples of 1 / 2^22
const EVEN_DEVIATION = 0.43; // of trainers/base/preprocess.py, as the next one
const LEAST_DEVIATION = 0.03;

export class LineReader {
  /** Opens a model. `model` is an ArrayBuffer with the content of the file. */
  static async of(model) {
    const about = metadata(new Uint8Array(model));
    if (!about.format?.startsWith("paretext-")) throw new Error("the file is not a model of Paretext");
    return new LineReader(await ort.InferenceSession.create(model), about);
  }

  constructor(session, about) {
    this.session = session;
    this.height = Number(about.height_px);
    this.multiple = Number(about.canonical_multiple);
    this.even = about.pixels.startsWith("even");
    this.attention = about.decoding === "attention";
    this.symbols = ["", ...JSON.parse(about.charset)]; // class 0 is the blank, or the end of the line
  }

  /** The text of an image; `image` is a File or Blob. */
  async read(image) {
    const line = fitHeight(await pixelsOf(image), this.height);
    const width = Math.ceil(line.width / this.multiple) * this.multiple;
    const values = toInput(line, width, this.even);
    const input = new ort.Tensor("float32", values, [1, 3, this.height, width]);
    const output = (await this.session.run({ [this.session.inputNames[0]]: input }))[this.session.outputNames[0]];
    return this.spell(bestClasses(output.data, output.dims[1], output.dims[2]));
  }

  spell(best) {
    if (this.attention) {
      const end = best.indexOf(0);
      return best.slice(0, end < 0 ? best.length : end).map((k) => this.symbols[k] ?? "").join("");
    }
    return best.map((k, step) => (k === best[step - 1] ? "" : this.symbols[k])).join("");
  }
}

/** The pixels of an image on white: { width, height, data } with red, green and blue of each pixel, row by row. */
async function pixelsOf(image) {
  const bitmap = await createImageBitmap(image, { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const pen = new OffscreenCanvas(width, height).getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0);
  const rgba = pen.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) data.set(rgba.subarray(4 * i, 4 * i + 3), 3 * i);
  return { width, height, data };
}

function fitHeight(image, height) {
  const width = Math.max(1, roundHalfEven((image.width * height) / image.height));
  const wide = width === image.width ? image : resizedRows(image, width);
  return height === image.height ? wide : turned(resizedRows(turned(wide), height));
}

/** Resizes every row to a width as Pillow does: a triangle filter, widened where the image gets smaller. */
function resizedRows(image, width) {
  const scale = image.width / width;
  const support = Math.max(1, scale);
  const data = new Uint8Array(3 * width * image.height);
  for (let x = 0; x < width; x++) {
    const center = (x + 0.5) * scale;
    const from = Math.max(0, Math.trunc(center - support + 0.5));
    const to = Math.min(image.width, Math.trunc(center + support + 0.5));
    let weights = [];
    for (let i = from; i < to; i++) weights.push(Math.max(0, 1 - Math.abs((i - center + 0.5) / support)));
    const sum = weights.reduce((a, b) => a + b);
    weights = weights.map((weight) => Math.floor((weight / sum) * COEFFICIENT_UNIT + 0.5));
    for (let y = 0; y < image.height; y++) {
      for (let c = 0; c < 3; c++) {
        let value = COEFFICIENT_UNIT / 2;
        weights.forEach((weight, k) => (value += weight * image.data[3 * (y * image.width + from + k) + c]));
        data[3 * (y * width + x) + c] = Math.min(255, Math.max(0, Math.floor(value / COEFFICIENT_UNIT)));
      }
    }
  }
  return { width, height: image.height, data };
}

function turned(image) {
  const { width, height } = image;
  const data = new Uint8Array(image.data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) data[3 * (x * height + y) + c] = image.data[3 * (y * width + x) + c];
    }
  }
  return { width: height, height: width, data };
}

/** Values from -1 to 1 in planes of red, green and blue, padded on the right with 0. */
function toInput(line, width, even) {
  const { height, data } = line;
  const count = height * line.width;
  let planes = [0, 1, 2].map((c) => Float32Array.from({ length: count }, (_, i) => data[3 * i + c] / 127.5 - 1));
  if (even) {
    planes = planes.map((plane) => {
      const middle = mean(plane);
      return plane.map((value) => value - middle);
    });
    const factor = EVEN_DEVIATION / (Math.sqrt(mean(planes.map((plane) => mean(plane.map((v) => v * v))))) + LEAST_DEVIATION);
    planes = planes.map((plane) => plane.map((value) => Math.min(1, Math.max(-1, value * factor))));
  }
  const values = new Float32Array(3 * height * width);
  planes.forEach((plane, c) => {
    for (let y = 0; y < height; y++) values.set(plane.subarray(y * line.width, (y + 1) * line.width), (c * height + y) * width);
  });
  return values;
}

function bestClasses(logits, steps, classes) {
  return Array.from({ length: steps }, (_, step) => {
    const row = logits.subarray(step * classes, (step + 1) * classes);
    return row.indexOf(row.reduce((a, b) => Math.max(a, b)));
  });
}

/** The metadata of an ONNX file: field 14 of the message ModelProto, entries of a key (field 1) and a value (field 2). */
function metadata(bytes) {
  const text = new TextDecoder();
  const found = {};
  for (const [field, content] of fields(bytes)) {
    if (field !== 14) continue;
    const entry = Object.fromEntries(fields(content));
    found[text.decode(entry[1])] = text.decode(entry[2] ?? new Uint8Array());
  }
  return found;
}

/** The fields of a protobuf message that have bytes: [number, content]. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128 || byte === undefined) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const kind = tag & 7;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else {
      const length = varint();
      yield [Math.floor(tag / 8), bytes.subarray(at, at + length)];
      at += length;
    }
  }
}

function mean(values) {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** Rounds as Python does: halves to the even neighbour. */
function roundHalfEven(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}
