// Values as people read them. Times are Beijing's, whatever the machine's zone: moments are shifted and read as if UTC.

const SHIFT_MS = 8 * 3_600_000;
const DAY_MS = 86_400_000;
const WEEKDAYS = "日一二三四五六";
const whole = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 1 });
const plain = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 2, useGrouping: "min2" }); // a year has no comma
const fine = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 2 });
const decimals = { minimumFractionDigits: 2, maximumFractionDigits: 2, useGrouping: false };
const score = new Intl.NumberFormat("en", decimals);
const percent = new Intl.NumberFormat("en", { ...decimals, style: "percent" });
const short = new Intl.NumberFormat("zh-CN", { notation: "compact", maximumFractionDigits: 1 });
export const NOTHING = "–";

export function shown(value, unit = "", isTime = false) {
  if (value === null || value === undefined || value === "") return NOTHING;
  if (Array.isArray(value)) return value.length ? value.join("、") : NOTHING;
  if (typeof value === "boolean") return value ? "是" : "否";
  if (typeof value !== "number") return String(value);
  if (isTime || unit === "time") return moment(value);
  return (FORMATS[unit] ?? plain.format)(value);
}

const FORMATS = {
  cases: whole.format,
  records: whole.format,
  ratio,
  points: (value) => rounded(value, score),
  seconds: duration,
  days: (value) => `${tenth.format(value)} 天`,
  bytes,
  per_second: (value) => `${fine.format(value)} 条/秒`,
};

// As the command line rounds (ops/rounding.py): of the first 15 digits, halves up; zero has no sign.
function rounded(value, format) {
  return format.format(value.toPrecision(15)).replace(/^-(0\.00%?)$/, "$1");
}

// And never up to a whole: 99.999 % is not 100 %.
function ratio(value) {
  const text = rounded(value, percent);
  return text === "100.00%" && value < 1 ? "99.99%" : text;
}

export function duration(seconds) {
  const size = Math.abs(seconds);
  if (size < 1) return size === 0 ? "0 秒" : `${whole.format(seconds * 1000)} 毫秒`;
  if (size < 60) return `${tenth.format(seconds)} 秒`;
  for (const [unit, name, smaller, smallerName] of [[86_400, "天", 3_600, "小时"], [3_600, "小时", 60, "分"], [60, "分", 1, "秒"]]) {
    if (size < unit) continue;
    const rest = Math.floor((size % unit) / smaller);
    return `${seconds < 0 ? "−" : ""}${Math.floor(size / unit)} ${name}${rest ? ` ${rest} ${smallerName}` : ""}`;
  }
  return "";
}

function bytes(value) {
  const power = Math.min(Math.floor(Math.log2(Math.max(Math.abs(value), 1)) / 10), 4);
  return `${tenth.format(value / 1024 ** power)} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

export function onAxis(value, unit) {
  if (unit === "ratio") return `${tenth.format(value * 100)}%`;
  if (unit === "seconds") return duration(value);
  if (unit === "bytes") return bytes(value);
  return Math.abs(value) >= 10_000 ? short.format(value) : fine.format(value);
}

export const shifted = (ms) => ms + SHIFT_MS;
const two = (number) => String(number).padStart(2, "0");

export function day(ms) {
  const at = new Date(shifted(ms));
  return `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
}

export function time(ms) {
  const at = new Date(shifted(ms));
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
}

export const moment = (ms) => `${day(ms)} ${time(ms)}`;
export const iso = (ms) => `${day(ms)}T${time(ms)}+08:00`;

// A whole day is told as one, with its weekday.
export function instant(ms) {
  return shifted(ms) % DAY_MS === 0 ? `${day(ms)} 周${WEEKDAYS[new Date(shifted(ms)).getUTCDay()]}` : moment(ms);
}

export function levelOf(value, thresholds) {
  if (typeof value !== "number") return null;
  return thresholds.filter((threshold) => value >= threshold.value).at(-1)?.level ?? null;
}

export const LEVELS = { good: "正常", warning: "注意", bad: "异常" };
