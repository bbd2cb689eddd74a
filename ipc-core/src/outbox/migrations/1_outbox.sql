-- The outbox of ipc, version 1: messages that were committed and are not in the log yet.
-- Needs Postgres 13 or newer. Run it once, in one transaction, in the schema that the
-- service's connections find first on their search_path.

CREATE TABLE ipc_outbox (
    -- drawn when the row is written, one by one: whoever writes after another's commit has
    -- the higher one
    id            bigint      GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    -- the same whenever the message is sent
    message       text        NOT NULL,
    -- without the prefix that the relay's connection gives its topics
    topic         text        NOT NULL,
    key           bytea,
    header_names  text[]      NOT NULL,
    header_values bytea[]     NOT NULL,
    payload       bytea,
    written_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- since when it waits for somebody to decide, and why
    parked_at     timestamptz,
    fault         text
);

-- those of a parked key wait behind it
CREATE INDEX ipc_outbox_parked ON ipc_outbox (topic, key) WHERE parked_at IS NOT NULL;

-- who relays: the latest term, and until when it holds
CREATE TABLE ipc_outbox_lease (
    one    boolean     PRIMARY KEY DEFAULT true CHECK (one),
    term   bigint      NOT NULL DEFAULT 0,
    holder text        NOT NULL DEFAULT '',
    until  timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO ipc_outbox_lease DEFAULT VALUES;

CREATE TABLE ipc_outbox_schema (version integer NOT NULL);
INSERT INTO ipc_outbox_schema (version) VALUES (1);
