// Keys, secrets of webhooks, sessions and tokens in texts: they are known by
// their form, or by what stands before them.

const secret = /(clw_[A-Za-z0-9]{8})[A-Za-z0-9]{24}|(whsec_)[0-9a-f]{16,}|(session=|Bearer )(?!clw_)[\w.~+/=-]{16,}/g;

/** A text without what would give a secret away. */
export const masked = (text) => text.replace(secret, (_, ...starts) => `${starts.find(Boolean)}••••••••`);
