// Keys, and the secrets of webhooks, in texts: they are known by their form.

const secret = /(clw_[A-Za-z0-9]{8})[A-Za-z0-9]{24}|(whsec_)[0-9a-f]{16,}/g;

/** A text without what would give a secret away. */
export const masked = (text) => text.replace(secret, (_, key, hook) => `${key ?? hook}••••••••`);
