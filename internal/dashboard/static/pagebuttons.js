// The buttons to the pages before and after the one that is shown.

import { byId } from './dom.js';
import { atOffset } from './request.js';

export class PageButtons {
  #view;

  /** go(request, exchange) sends an exchange's request for another page; view shows the exchange. */
  constructor(go, view) {
    this.#view = view;
    view.addEventListener('shown', () => this.#show());
    const turn = (step) => () => {
      const { offset, limit } = this.#page();
      go(atOffset(view.exchange.request, Math.max(0, offset + step * limit)), view.exchange);
    };
    byId('page-previous').addEventListener('click', turn(-1));
    byId('page-next').addEventListener('click', turn(1));
  }

  // Where the page lies that was asked for.
  #page() {
    const { endpoint, request } = this.#view.exchange;
    const query = new URL(request.url).searchParams;
    return { offset: Number(query.get('offset')) || 0, limit: Number(query.get('limit')) || endpoint.page_size };
  }

  #show() {
    const { exchange } = this.#view;
    const list = exchange?.endpoint.page_size && exchange.state === 'done' && exchange.status === 200 ? read(exchange.body) : null;
    byId('page-buttons').hidden = !list;
    if (!list) return;
    const { offset, limit } = this.#page();
    byId('page-previous').disabled = offset === 0;
    byId('page-next').disabled = !list.has_more;
    byId('page-place').textContent = list.total === undefined ? ''
      : `${Math.min(offset + 1, list.total)}–${Math.min(offset + limit, list.total)} of ${list.total.toLocaleString('en')}`;
  }
}

function read(body) {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
