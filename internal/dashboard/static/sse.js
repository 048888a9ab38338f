// Decoding text/event-stream (WHATWG HTML §9.2), as it arrives.

export class EventParser {
  #pending = ''; // a line not yet ended
  #data = [];

  /**
   * Takes the next piece of the text and returns the data of each event that
   * it completes. An event without its empty line is never returned, as the
   * standard says.
   */
  push(text) {
    const events = [];
    // A CR at the very end may be half of a CRLF: it waits for what follows.
    const lines = (this.#pending + text).split(/\r\n|\n|\r(?!$)/);
    this.#pending = lines.pop();
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length > 0) events.push(this.#data.join('\n'));
        this.#data = [];
      } else if (line === 'data' || line.startsWith('data:')) {
        this.#data.push(line.slice(5).replace(/^ /, ''));
      }
    }
    return events;
  }
}
