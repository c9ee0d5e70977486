// The page: loads model.onnx beside it, and lists what is read in the images that are dropped or chosen.
import { LineReader } from "./line_reader.js";

const state = document.getElementById("state");
const drop = document.getElementById("drop");
const files = document.getElementById("files");
const readings = document.getElementById("readings");

async function loadReader() {
  const answer = await fetch("model.onnx");
  if (!answer.ok) throw new Error("model.onnx is not there: paretext export MODEL examples/browser/model.onnx");
  return LineReader.of(await answer.arrayBuffer());
}

async function readFile(reader, file) {
  const item = document.createElement("li");
  const image = document.createElement("img");
  const text = document.createElement("output");
  const note = document.createElement("small");
  image.src = URL.createObjectURL(file);
  image.alt = file.name;
  readings.prepend(item);
  item.append(image, text, document.createElement("br"), note);
  try {
    const start = performance.now();
    text.textContent = await reader.read(file);
    note.textContent = `${file.name}, ${Math.round(performance.now() - start)} ms`;
  } catch (error) {
    note.textContent = `${file.name} cannot be read: ${error.message}`;
  }
}

try {
  const reader = await loadReader();
  const readAll = async (chosen) => {
    for (const file of chosen) await readFile(reader, file);
  };
  files.addEventListener("change", () => readAll([...files.files]));
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop") readAll([...event.dataTransfer.files]);
    });
  }
  files.disabled = false;
  state.textContent = `Ready. The model reads ${reader.symbols.length - 1} characters. Images stay in this browser.`;
} catch (error) {
  state.textContent = error.message;
}
