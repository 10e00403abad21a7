-- migrate:up

-- Whoever may sign in: a client (a shipping company's system) or an operator (the carrier).
CREATE TABLE clients (
    id            uuid        PRIMARY KEY DEFAULT uuidv7(),
    role          text        NOT NULL DEFAULT 'client',
    name          text        NOT NULL,
    email         text        NOT NULL,
    document      text,
    password_hash text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT statement_timestamp(),
    CONSTRAINT clients_email_key UNIQUE (email),
    CONSTRAINT clients_role_known CHECK (role IN ('client', 'operator')),
    CONSTRAINT clients_name_length CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT clients_email_normal CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    -- A CPF, or a CNPJ (since July 2026 with letters in its first twelve places).
    CONSTRAINT clients_document_shape CHECK (document ~ '^([0-9]{11}|[0-9A-Z]{12}[0-9]{2})$')
);

-- migrate:down

DROP TABLE clients;
