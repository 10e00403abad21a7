-- migrate:up

-- Postings that were created together change their status together: half of a page is room for that, so that none of the new versions has
-- to go to another page and into five indexes. (With 85 a page of 14 had room for two.) Pages that exist keep their rows.
ALTER TABLE postings SET (fillfactor = 50);

-- migrate:down

ALTER TABLE postings SET (fillfactor = 85);
