// The callback form: the visitor's own time zone instead of the server's guess. Without JavaScript the guess stands to be changed.

const select = document.getElementById("id_zone");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

if (select && zone && zone !== select.value) {
  const known = [...select.options].some((option) => option.value === zone);
  if (!known) select.prepend(new Option(zone.split("/").at(-1).replaceAll("_", " "), zone));
  select.value = zone;
}
