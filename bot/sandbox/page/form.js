/** What a person has typed into a view or message: `state.values` as Slack sends it, and its checks. */

/** Values by block_id and action_id. Elements register themselves with their initial value when drawn. */
export class FormState {
  constructor() {
    this.entries = new Map();
    // Files on their way: whoever reads the values to send them waits for this.
    this.uploads = Promise.resolve();
  }

  static key = (blockId, actionId) => `${blockId}\u0000${actionId}`;

  /**
   * The value of an element that is being drawn: what was typed before if the same block_id, action_id and
   * type are kept (a view update does not wipe it), else its initial value.
   * `value`: the element specific part, e.g. `{value: "x"}` or `{selected_option: {…}}`.
   */
  claim(blockId, actionId, type, initial, meta = {}) {
    const key = FormState.key(blockId, actionId);
    const known = this.entries.get(key);
    if (known && known.type === type) {
      known.live = true;
      known.meta = meta;
      return known.value;
    }
    this.entries.set(key, { blockId, actionId, type, value: initial, meta, live: true });
    return initial;
  }

  set(blockId, actionId, value) {
    const entry = this.entries.get(FormState.key(blockId, actionId));
    if (entry) entry.value = value;
  }

  get(blockId, actionId) {
    return this.entries.get(FormState.key(blockId, actionId))?.value;
  }

  /** Forget elements that the last drawing did not claim, once `draw` has run. */
  redraw(draw) {
    for (const entry of this.entries.values()) entry.live = false;
    draw();
    for (const [key, entry] of this.entries) if (!entry.live) this.entries.delete(key);
  }

  /** Keep an undisturbed block's elements alive through a redraw. */
  keep(blockId) {
    for (const entry of this.entries.values()) if (entry.blockId === blockId) entry.live = true;
  }

  /** `{block_id: {action_id: {type, …}}}`, one entry for each element that holds a value. */
  values() {
    const values = {};
    for (const { blockId, actionId, type, value } of this.entries.values()) {
      (values[blockId] ??= {})[actionId] = { type, ...value };
    }
    return values;
  }

  /** What Slack's client refuses before it asks the app: `{block_id: message}`, empty when all is well. */
  problems() {
    const problems = {};
    for (const { blockId, type, value, meta } of this.entries.values()) {
      const problem = meta.input ? check(type, value, meta) : null;
      if (problem) problems[blockId] = problem;
    }
    return problems;
  }
}

function isEmpty(value) {
  return Object.values(value).every((part) => part === null || part === "" || (Array.isArray(part) && !part.length));
}

function check(type, value, { optional, element }) {
  if (isEmpty(value)) return optional ? null : "Please complete this required field.";
  const text = value.value;
  if (type === "plain_text_input") {
    if (element.min_length && text.length < element.min_length) {
      return `Enter at least ${element.min_length} characters.`;
    }
    if (element.max_length && text.length > element.max_length) {
      return `Enter at most ${element.max_length} characters.`;
    }
  }
  if (type === "number_input") return checkNumber(text, element);
  if (type === "email_text_input" && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)) {
    return "Please enter a valid email address.";
  }
  if (type === "url_text_input" && !/^https?:\/\/[^\s/]+/i.test(text)) {
    return "Please enter a valid URL (http:// or https://).";
  }
  return null;
}

function checkNumber(text, element) {
  const number = Number(text);
  if (!Number.isFinite(number)) return "Please enter a number.";
  if (!element.is_decimal_allowed && !Number.isInteger(number)) return "Please enter a whole number.";
  if (element.min_value !== undefined && number < Number(element.min_value)) {
    return `Please enter a number of at least ${element.min_value}.`;
  }
  if (element.max_value !== undefined && number > Number(element.max_value)) {
    return `Please enter a number of at most ${element.max_value}.`;
  }
  return null;
}
