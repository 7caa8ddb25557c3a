/**
 * Reads server-sent events out of text that comes in pieces.
 *
 * Answers each as `{event, id, data}`; one that moves the cursor only has no `data`, and a comment has nothing.
 */
export class EventStream {
  #rest = '';
  #lines = [];

  /** @param {string} text @returns {{event?: string, id?: string, data?: string}[]} */
  take(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line) {
    if (line.startsWith(':')) return [{}];
    if (line) {
      this.#lines.push(line);
      return [];
    }
    const told = { event: 'message', data: [] };
    for (const field of this.#lines.splice(0)) {
      const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(field);
      if (name === 'data') told.data.push(value);
      else if (name === 'event' || name === 'id') told[name] = value;
    }
    if (told.data.length) return [{ ...told, data: told.data.join('\n') }];
    return told.id ? [{ id: told.id }] : [];
  }
}
