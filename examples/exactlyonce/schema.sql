-- Processes that start together create the tables one after the other.
SELECT pg_advisory_xact_lock(20261124);

-- One row for each event that was handled. It is inserted in the transaction of the
-- work that the event causes, so that there is one exactly if the work was done.
CREATE TABLE IF NOT EXISTS webhook_events (
	fingerprint text PRIMARY KEY, -- of Event.Fingerprint
	type        text NOT NULL,
	happened_at timestamptz NOT NULL
);

-- The work of this program: how many chats each agent has answered.
CREATE TABLE IF NOT EXISTS usage (
	agent text PRIMARY KEY,
	chats bigint NOT NULL
);
