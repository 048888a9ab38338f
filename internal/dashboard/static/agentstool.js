// The agents that are deployed, what they reply, and whether they are there.

import { byId, el, say } from './dom.js';
import { plain, visible } from './safe.js';

export class AgentsTool {
  #control;
  #shown = '';

  constructor(control) {
    this.#control = control;
    byId('agents-offline').addEventListener('change', () => this.#do(() => this.#control.setOffline(byId('agents-offline').checked)));
    byId('agents-reset').addEventListener('click', () => this.#do(() => this.#control.resetAgents(), 'The built-in agents are back.'));
    byId('agent-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#deploy();
    });
  }

  async refresh() {
    const deployed = await this.#control.agents().catch(() => null); // what is wrong is told by what follows the journal
    if (deployed) this.#show(deployed);
  }

  #deploy() {
    const slug = byId('agent-slug').value.trim();
    const delay = byId('agent-delay').value.trim();
    let replies;
    try {
      replies = read(byId('agent-replies').value, delay);
    } catch (error) {
      say(byId('agents-message'), error.message, 'bad');
      byId('agent-replies').focus();
      return;
    }
    this.#do(() => this.#control.deploy({ slug, replies }), `${plain(slug)} is deployed.`);
  }

  async #do(call, done = '') {
    try {
      await call();
      this.#show(await this.#control.agents());
      say(byId('agents-message'));
      if (done) byId('announcer').textContent = done;
    } catch (error) {
      say(byId('agents-message'), String(error), 'bad');
    }
  }

  #show({ agents, offline }) {
    const next = JSON.stringify([agents, offline]);
    if (next === this.#shown) return;
    this.#shown = next;
    byId('agents-state').textContent = offline ? 'offline' : `${agents.length} deployed`;
    byId('agents-state').dataset.armed = String(offline);
    byId('agents-offline').checked = offline;
    byId('agents-list').replaceChildren(...agents.map((agent) => el('li', {},
      el('span', {}, el('bdi', { class: 'agent-slug' }, ...visible(agent.slug)), el('span', { class: 'muted' }, about(agent))),
      el('button', { type: 'button', class: 'small quiet', 'aria-label': `Edit ${plain(agent.slug)}`, onclick: () => this.#edit(agent) }, 'Edit'))));
    byId('agent-slugs').replaceChildren(...agents.map(({ slug }) => el('option', { value: plain(slug) })));
  }

  #edit({ slug, replies }) {
    byId('agent-slug').value = slug;
    byId('agent-replies').value = replies.map(line).join('\n');
    byId('agent-delay').value = '';
    byId('agent-replies').focus();
  }
}

// The replies of lines, each a text or JSON.
function read(text, delay) {
  return text.split('\n').filter((l) => l.trim() !== '').map((l, i) => {
    if (!l.trim().startsWith('{')) return delay ? { text: l, delay } : l;
    try {
      return { ...(delay ? { delay } : {}), ...JSON.parse(l) };
    } catch {
      throw new Error(`Reply ${i + 1} begins like JSON, and is none.`);
    }
  });
}

// A reply as a line that reads back as it.
function line({ text = '', ...more }) {
  const simple = Object.keys(more).length === 0 && text.trim() !== '' && !text.includes('\n') && !text.trim().startsWith('{');
  return simple ? text : JSON.stringify({ ...(text ? { text } : {}), ...more });
}

function about({ replies }) {
  if (replies.length === 0) return 'built in';
  const n = `${replies.length} ${replies.length === 1 ? 'reply' : 'replies'}`;
  const delay = replies.find((r) => r.delay)?.delay;
  return `${n}${delay ? `, after ${delay}` : ''}${replies.some((r) => r.error) ? ', fails' : ''}`;
}
