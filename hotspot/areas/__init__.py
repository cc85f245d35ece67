"""The administrative tree: kota > kecamatan > kelurahan, with official codes, names, coordinates and polygons.

The tree is data. `importer` replaces or extends it from a CSV or GeoJSON file: the difference is shown first, then all of it
is applied or none. Sites hang below a kelurahan. Areas never know what hangs below them (sites, settings, usage): whoever
needs both asks both.
"""
