"""From decoded lines to padded batches: line selection, batch planning, augmentation, collation."""
