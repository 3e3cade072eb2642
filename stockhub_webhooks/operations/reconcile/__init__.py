"""Fetching of what never arrived, by Stock Hub's REST calls (extra `[reconcile]`).

`client` makes the calls, `magento_errors` reads why one failed, `answers` compares an answer with the tables and stores
one that differs as a message, `asking` says what to ask for, `steps` asks in sequence, `run` keeps the progress,
`nightly` does it in the worker. `credentials` are those of the settings.
`report` writes down what should be here and is not, which `office.worklists.gaps` finds.
"""
