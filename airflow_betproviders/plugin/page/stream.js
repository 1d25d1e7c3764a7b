// What the page knows: its streams, their slots, and the days that are shown.
import { DAY, dateOf, seconds } from "./format.js";
import { columnOf } from "./heatmap.js";

export const IDENTITY = ["lake", "provider", "stream", "account", "filters"];

export const page = { states: {}, streams: [], problems: [], span: null, currency: "", filling: null };

/** The column of the calendar that the present lies in. */
export const presentColumn = () => Math.floor((page.now - page.span.start) / columnOf(page.span));

export class Stream {
  constructor(members) {
    Object.assign(this, members);
    this.slots = members.slots.map(([begin, width, state, rows]) => ({
      start: begin,
      end: begin + width,
      state: Object.keys(page.states)[state],
      rows,
    }));
    this.gaps = members.gaps.map((gap) => ({ ...gap, start: seconds(gap.start), end: seconds(gap.end) }));
    this.query = Object.fromEntries(IDENTITY.map((name) => [name, members[name]]));
    this.name = [this.title, this.stream, this.filters, this.account]
      .filter(Boolean)
      .join(" · ");
    this.money = new Map();
    this.reconciled = null;
    this.near = false;
    this.note = "";
    this.dispose = () => {};
  }

  /** The slots of each of the page's days, with rows and money. */
  get days() {
    return this.parts(DAY);
  }

  /** The same of each column of the calendar; a day's money stands in the middle of the day. */
  get columns() {
    return this.parts(columnOf(page.span));
  }

  parts(size) {
    const first = page.span.start - (page.span.start % size);
    const parts = Array.from({ length: Math.round((page.span.end - first) / size) }, (_, at) => ({
      start: first + at * size,
      end: first + (at + 1) * size,
      rows: null,
      states: {},
    }));
    for (const slot of this.slots) {
      const at = slot.end - slot.start > size ? (slot.start + slot.end) / 2 : slot.start;
      const part = parts[Math.floor((at - first) / size)];
      if (!part) continue;
      if (slot.rows !== null) part.rows = (part.rows ?? 0) + slot.rows;
      part.states[slot.state] = (part.states[slot.state] ?? 0) + 1;
    }
    for (const part of parts) {
      const hour = part.start % DAY;
      const middle = size === DAY || hour === DAY / 2 || (part.start === first && hour > DAY / 2);
      const own = middle ? `${dateOf(part.start)} ${page.currency}` : null;
      Object.assign(part, this.money.get(own) ?? { ggr: null, turnover: null });
    }
    return parts;
  }
}
