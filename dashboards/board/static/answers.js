// Answers as drawings want them: columns with title, unit and values.

// Columns of a panel's answer, in the order of the model; without a declaration, all of them but `time`, which are the series of a line.
export function columnsOf(panel, tables) {
  const [table] = tables;
  if (!table) return [];
  if (panel.columns.length) {
    return panel.columns.map((column) => {
      const at = table.columns.indexOf(column.name);
      const unit = column.unit || (panel.drawing === "table" ? "" : panel.unit);
      return { ...column, unit, at, isTime: table.times.includes(column.name), leveled: panel.thresholds.length > 0 && unit === panel.unit };
    });
  }
  return table.columns
    .map((name, at) => ({ name, title: name, unit: panel.unit, link: null, at, isTime: table.times.includes(name) }))
    .filter((column) => column.name !== "time");
}

export const valueOf = (table, row, name) => row[table.columns.indexOf(name)];

// Whether a column holds figures: some value is a number, and it is no moment.
export function isFigure(column, table) {
  return !column.isTime && column.unit !== "time" && table.rows.some((row) => typeof row[column.at] === "number");
}

// Tables with a column `time` made one: queries of one line are drawn together.
export function joined(tables) {
  if (tables.length < 2) return tables;
  const columns = ["time"];
  const rows = new Map();
  for (const table of tables) {
    const from = columns.length;
    const at = table.columns.indexOf("time");
    if (at < 0) continue;
    const others = table.columns.map((_, index) => index).filter((index) => index !== at);
    columns.push(...others.map((index) => table.columns[index]));
    for (const row of table.rows) {
      if (!rows.has(row[at])) rows.set(row[at], []);
      others.forEach((index, offset) => { rows.get(row[at])[from - 1 + offset] = row[index]; });
    }
  }
  const sorted = [...rows].sort(([a], [b]) => a - b);
  const width = columns.length - 1;
  return [{ columns, times: ["time"], cut: tables.some((table) => table.cut), rows: sorted.map(([at, values]) => [at, ...Array.from({ length: width }, (_, index) => values[index] ?? null)]) }];
}
