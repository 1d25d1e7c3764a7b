// How numbers, instants and amounts are written.
const number = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const utc = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options });
const day = utc({ weekday: "short", day: "numeric", month: "short" });
const dayOfYear = utc({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const clock = utc({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export const DAY = 86400;
export const HOUR = 3600;

export const count = (value) => number.format(value);
export const compact = (value) => short.format(value);
export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** Seconds since 1970 of ISO text. */
export const seconds = (text) => Date.parse(text) / 1000;
export const iso = (instant) => new Date(instant * 1000).toISOString().replace(".000Z", "Z");
export const dateOf = (instant) => iso(instant).slice(0, 10);

export const showDay = (instant) => day.format(instant * 1000);
export const showLongDay = (instant) => dayOfYear.format(instant * 1000);
export const showTime = (instant) => clock.format(instant * 1000);
export const showInstant = (instant) => `${showDay(instant)}, ${showTime(instant)}`;

/** An interval, without saying its day twice. */
export function showInterval(start, end) {
  if (start % DAY === 0 && end - start === DAY) return showDay(start);
  return onOneDay(start, end)
    ? `${showDay(start)}, ${showTimes(start, end)}`
    : `${showInstant(start)} – ${showInstant(end)}`;
}

/** The times of an interval, of one day if it lies in one. */
export function showTimes(start, end) {
  if (!onOneDay(start, end)) return showInterval(start, end);
  return `${showTime(start)} – ${end % DAY === 0 ? "24:00" : showTime(end)}`;
}

const onOneDay = (start, end) => Math.floor(start / DAY) === Math.floor((end - 1) / DAY);

/** How long ago, or from now, in the largest unit that fits. */
export function duration(span) {
  const size = Math.abs(span);
  if (size < 90) return "a minute";
  if (size < 90 * 60) return plural(Math.round(size / 60), "minute");
  if (size < 36 * HOUR) return plural(Math.round(size / HOUR), "hour");
  return plural(Math.round(size / DAY), "day");
}

/** Decimal text as money: thousands apart, two decimals or as many as there are. No float comes near it. */
export function amount(text) {
  const [whole, fraction = ""] = text.replace("-", "").split(".");
  const digits = fraction.replace(/0+$/, "");
  const sign = text.startsWith("-") ? "−" : "";
  return `${sign}${number.format(BigInt(whole))}.${digits.padEnd(2, "0")}`;
}

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(value, 1)) / 3));
  return `${(value / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

/** Elements from a tag, its attributes and its children; text is never taken for markup. */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}
