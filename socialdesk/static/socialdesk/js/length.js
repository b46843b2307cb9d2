// How long a network says a text is. Mirrors socialdesk/lib/text.py; a test compares the two on a table of texts.

const LIGHT = [[0, 4351], [8192, 8205], [8208, 8223], [8242, 8247]]; // X: these count 1, all others 2
const LINK = /https?:\/\/\S*[^\s.,;:!?'")\]}…’”]/gu; // X: punctuation behind a link counts by itself
const EMOJI = /\p{Extended_Pictographic}|\p{Regional_Indicator}/u;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

const clusters = (text) => Array.from(graphemes.segment(text), ({ segment }) => segment);

function weight(cluster) {
  if (EMOJI.test(cluster)) return 2;
  let sum = 0;
  for (const character of cluster) {
    const code = character.codePointAt(0);
    sum += LIGHT.some(([low, high]) => low <= code && code <= high) ? 1 : 2;
  }
  return sum;
}

/** Units: codepoints, utf16, graphemes, weighted. */
export function length(text, unit) {
  if (unit === "utf16") return text.length;
  if (unit === "graphemes") return clusters(text).length;
  if (unit === "weighted") {
    const normal = text.normalize("NFC");
    const links = normal.match(LINK)?.length ?? 0;
    return 23 * links + clusters(normal.replace(LINK, "")).reduce((sum, cluster) => sum + weight(cluster), 0);
  }
  return [...text].length;
}
