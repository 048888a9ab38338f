// The keys this page knows. Full keys live here, in memory, and nowhere else:
// they are gone when the page is.

/** Fires "change" whenever a key comes, changes or goes. */
export class Keyring extends EventTarget {
  #prefixChars;
  #pasted = 0; // how many were
  #held = 0; // how many full keys there have been
  #keys = new Map(); // by id: {id, name, prefix, tier, status, secret, rank}

  /** prefixChars: how much of a key the server shows. */
  constructor(prefixChars) {
    super();
    this.#prefixChars = prefixChars;
  }

  /** Every key: those whose secret is held, as they came, then the others as the server lists them. */
  get keys() {
    const rank = ({ secret, rank: at }) => (secret ? at : Infinity);
    return [...this.#keys.values()].sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
  }

  get(id) { return this.#keys.get(id); }

  /** Takes over the server's list, keeping the secrets and the pasted keys. */
  sync(listed) {
    const old = this.#keys;
    const foreign = [...old.values()].filter((key) => key.pasted && !listed.some((k) => k.key_prefix === key.prefix));
    this.#keys = new Map(listed.map((key) => {
      const known = old.get(key.id) ?? [...old.values()].find((k) => k.pasted && k.prefix === key.key_prefix);
      return [key.id, {
        id: key.id, name: key.name, prefix: key.key_prefix,
        tier: key.rate_limit_per_min, status: key.status, secret: known?.secret, rank: known?.rank,
      }];
    }));
    for (const key of foreign) this.#keys.set(key.id, key);
    // A revoked key that the server no longer lists can still be tried.
    for (const key of old.values()) {
      if (key.secret && !key.pasted && !this.#keys.has(key.id)) this.#keys.set(key.id, { ...key, status: 'revoked' });
    }
    this.#changed();
  }

  /** Keeps a key just created: the only time the server tells its secret. */
  created(key) {
    this.#keys.set(key.id, {
      id: key.id, name: key.name, prefix: key.key_prefix,
      tier: key.rate_limit_per_min, status: key.status, secret: key.full_key, rank: this.#next(),
    });
    this.#changed();
  }

  /** Keeps a key whose secret came from elsewhere, and returns its id. */
  paste(secret, name) {
    const prefix = secret.slice(0, this.#prefixChars);
    let key = this.keys.find((k) => k.prefix === prefix && (!k.secret || k.secret === secret));
    if (key) Object.assign(key, { secret, rank: key.rank ?? this.#next() });
    else {
      this.#pasted += 1;
      key = { id: `pasted-${this.#pasted}`, name, prefix, status: 'active', secret, pasted: true, rank: this.#next() };
      this.#keys.set(key.id, key);
    }
    this.#changed();
    return key.id;
  }

  #next() { return this.#held++; }

  #changed() { this.dispatchEvent(new Event('change')); }
}
