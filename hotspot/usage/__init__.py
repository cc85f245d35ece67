"""How much was used, where and when.

`ingest` turns RADIUS accounting into guest sessions: reports are joined, never added, so the same report twice, late or out of
order changes nothing, and totals never go down; `express` does the same, cheaper, for batches without surprises. `endings` closes
what no Stop closes. `allowances` says what of an allowance is used, from the sessions as they are. `rollup` rebuilds hours and days
for each site and area from the sessions. Missing is null, not zero. Usage never decides whether a guest may be online, and holds
pseudonyms, not MAC addresses.
"""
