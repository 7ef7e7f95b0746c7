-- what each address of a channel said: only those that did not take a message get it again
ALTER TABLE deliveries ADD COLUMN addresses TEXT NOT NULL DEFAULT '[]';  -- JSON: what people see of them
ALTER TABLE deliveries ADD COLUMN taken TEXT NOT NULL DEFAULT '';        -- sealed: the addresses that took it, while others have not
