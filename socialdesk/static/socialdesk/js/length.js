// How long a network says a text is. Mirrors socialdesk/lib/text.py; a test compares the two on a table of texts.

import { weightedLength } from "desk/weighted";

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Units: codepoints, utf16, graphemes, weighted. */
export function length(text, unit) {
  if (unit === "utf16") return text.length;
  if (unit === "graphemes") return Array.from(graphemes.segment(text)).length;
  if (unit === "weighted") return weightedLength(text);
  return [...text].length;
}
