// The script of every page. What it does stands in ui/; so far it does nothing.
export {};
