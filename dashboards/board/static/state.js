// What the reader looks at, held by the address alone: /d/<uid>?<variables>&range=…; an empty variable and the dashboard's own range are left out.

export const VARIABLES = ["district", "unit", "type", "item", "case"];

export function readState(location = window.location) {
  const query = new URLSearchParams(location.search);
  const variables = Object.fromEntries(VARIABLES.map((name) => [name, query.get(name) ?? ""]));
  return { uid: decodeURIComponent(location.pathname.split("/")[2] ?? ""), variables, range: query.get("range") ?? "" };
}

export function queryOf({ variables, range }) {
  const query = new URLSearchParams();
  for (const name of VARIABLES) if (variables[name]) query.set(name, variables[name]);
  if (range) query.set("range", range);
  return query.toString();
}

export function addressOf(state) {
  const query = queryOf(state);
  return `/d/${encodeURIComponent(state.uid)}${query ? `?${query}` : ""}`;
}

// Where a link of the model leads from a row: its variables are set, all else stays.
export function addressOfLink(state, link, valueOf) {
  const set = Object.fromEntries(link.set.map(([variable, key]) => [variable, String(valueOf(key) ?? "")]));
  if (Object.values(set).every((value) => value === "")) return null;
  return addressOf({ ...state, uid: link.uid, variables: { ...state.variables, ...set } });
}
