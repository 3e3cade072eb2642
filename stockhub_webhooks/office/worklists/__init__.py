"""What does not proceed by itself: facts and texts for the worklists, no HTML.

`rules` is the table of the rules. `loading` reads purchases in batches, and `sending`, `transit`, `returning`,
`billing` and `incomplete` are the families of rules that judge them; `pull` has the rules that need a pull, and `gaps`
what it found missing. `rows` brings the rows up to date, `deadlines` opens those whose time has come and records their
event, and `sweep` says when. `lists` and `wording` are for the pages.
"""
