-- migrate:up

-- When the client ended its account: nothing of the row tells any more who it was.
ALTER TABLE clients ADD COLUMN deleted_at timestamptz;

-- When sender, recipient and what the client wrote of the posting were taken out of it; the logistic facts stay.
ALTER TABLE postings ADD COLUMN anonymised_at timestamptz;

-- migrate:down

ALTER TABLE postings DROP COLUMN anonymised_at;
ALTER TABLE clients DROP COLUMN deleted_at;
