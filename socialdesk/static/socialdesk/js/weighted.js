// How long a text is for X. Mirrors socialdesk/lib/weighted.py, where the rules stand; a test compares the two on a table of texts.

import topLevel from "desk/tlds";

const LINK = 23;
const LIGHT = [[0, 4351], [8192, 8205], [8208, 8223], [8242, 8247]]; // these count 1, all others 2
const EMOJI = /\p{Extended_Pictographic}|\p{Regional_Indicator}/u;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

const LATIN = "a-z0-9À-ÖØ-öø-ɏ";
const LABEL = `[${LATIN}](?:[${LATIN}_\\-]*[${LATIN}])?`;
const IN_PATH = `[${LATIN}Ѐ-ӿ!*';:=+,.$\\/%#\\[\\]_~@|&–\\-]`;
const ENDS_PATH = `[${LATIN}Ѐ-ӿ+=_#\\/\\-]`;
const PATH = `\\/(?:(?:${IN_PATH}|\\(${IN_PATH}+\\))*(?:${ENDS_PATH}|\\(${IN_PATH}+\\)))?`;
const QUERY = "\\?[a-z0-9!?*'@();:&=+$\\/%#\\[\\]_.,~|\\-]*[a-z0-9_&=#\\/\\-]";
const TAIL = `(?::\\d+)?(?:${PATH})?(?:${QUERY})?`;
const ANY = "[\\p{L}\\p{N}_\\-]+";
const CANDIDATE = new RegExp(`(https?:\\/\\/)?(${LABEL}(?:\\.${LABEL})+)(${TAIL})|https?:\\/\\/${ANY}(?:\\.${ANY})+${TAIL}`, "giu");

/** In X's characters. */
export function weightedLength(text) {
  let links = 0;
  const withoutLinks = text.normalize("NFC").replace(CANDIDATE, (...found) => {
    const rest = whatIsNoLink(...found);
    if (rest !== null) links += 1;
    return rest ?? found[0];
  });
  return LINK * links + Array.from(graphemes.segment(withoutLinks)).reduce((sum, { segment }) => sum + weight(segment), 0);
}

function whatIsNoLink(found, protocol, host, tail, start, text) {
  const before = text.slice(0, start).slice(-1);
  const behind = text.charAt(start + found.length);
  if (/[A-Za-z0-9@＠$#＃]/.test(before)) return null;
  if (host === undefined) return ""; // another script, behind https://
  if (!protocol && /[-_./]/.test(before)) return null;
  const labels = host.split(".");
  let count = labels.length;
  while (count > 1 && !(topLevel.has(labels[count - 1].toLowerCase()) && !labels[count - 2].includes("_"))) count -= 1;
  if (count < 2) return null;
  if (count < labels.length) return `.${labels.slice(count).join(".")}${tail}`;
  if (!tail && /[@+-]/.test(behind)) return null; // an e-mail address
  return protocol || /^(?::\d+)?\//.test(tail) ? "" : tail; // a query without a path belongs to no bare name
}

function weight(cluster) {
  if (EMOJI.test(cluster)) return 2;
  let sum = 0;
  for (const character of cluster) {
    const code = character.codePointAt(0);
    sum += LIGHT.some(([low, high]) => low <= code && code <= high) ? 1 : 2;
  }
  return sum;
}
