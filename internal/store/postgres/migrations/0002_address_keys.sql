-- The keys of addresses and the names of domains get the form of package address: see setKeys in
-- package engine, which runs after this. Nobody else writes meanwhile.

LOCK TABLE users, emails, domains IN SHARE ROW EXCLUSIVE MODE;
