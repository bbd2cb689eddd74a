-- The inbox of ipc, version 1: which requests were handled, and what they were answered.
-- Needs Postgres 13 or newer. Run it once, in one transaction, in the schema that the
-- service's connections find first on their search_path.

CREATE TABLE ipc_inbox (
    -- the SHA-256 of the scope and the idempotency key
    work        bytea       PRIMARY KEY,
    -- service and endpoint, for whoever looks into the table: nothing here reads it
    scope       text        NOT NULL,
    -- the SHA-256 of what the request asked for
    fingerprint bytea       NOT NULL,
    -- absent while the request is handled, so that nobody else ever sees it absent
    reply       bytea,
    -- a claim is over before it has a reply: one that was committed without is void
    expires_at  timestamptz NOT NULL DEFAULT '-infinity'
);

-- what has had its time is found without reading the rest
CREATE INDEX ipc_inbox_expires_at ON ipc_inbox (expires_at);

-- a sequence does not go back when a transaction does
CREATE SEQUENCE ipc_inbox_fence;

CREATE TABLE ipc_inbox_schema (version integer NOT NULL);
INSERT INTO ipc_inbox_schema (version) VALUES (1);
