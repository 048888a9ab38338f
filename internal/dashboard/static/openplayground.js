// The way into the playground from elsewhere on the page.

let take;

/**
 * Opens the playground with a request filled in, to be looked at and sent:
 * {method, path, query, headers, body, keyID}. path is as on the wire, with
 * the base path, escaped; query is a text or what URLSearchParams takes;
 * headers are an object or a list of [name, value]; body is a text; keyID is
 * the key's id as the list of keys has it. All but method and path may be
 * left out. What the browser says by itself (Host, User-Agent, …) and
 * credentials are left out of the headers: the key that is chosen stands for
 * them. If the page does not hold that key, it asks for it.
 */
export function openPlayground(request) {
  take(request);
  const focus = () => document.getElementById('send').focus();
  if (location.hash === '#playground') focus();
  else addEventListener('hashchange', focus, { once: true }); // once it is in sight
  location.hash = 'playground';
}

/** Makes take(request) the one who fills the playground. */
export function fillsPlayground(taker) { take = taker; }
