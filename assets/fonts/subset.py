"""Makes the three embedded fonts from the Debian packages fonts-inter and fonts-dejavu-core.

    python3 -m venv v && v/bin/pip install fonttools
    v/bin/python subset.py /usr/share/fonts/opentype/inter /usr/share/fonts/truetype/dejavu .

Keeps Latin, Greek, Cyrillic, sub- and superscripts and the signs of mathematics, and flattens the pair kerning
(GPOS) of printable ASCII into a plain `kern` table, which a small reader can use without a shaping engine.
"""
import sys
from fontTools import subset
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables._k_e_r_n import KernTable_format_0

RANGES = [(0x20, 0x17F), (0x391, 0x3C9), (0x410, 0x44F), (0x2010, 0x2026), (0x2032, 0x2033), (0x2070, 0x209C),
          (0x2190, 0x2193), (0x2200, 0x2265), (0x1D62, 0x1D65), (0x2016, 0x2016), (0x211D, 0x211D), (0x2112, 0x2112),
          (0x1E5, 0x1E5), (0x2C7C, 0x2C7C), (0x27E8, 0x27E9), (0x226A, 0x226B), (0x1D40, 0x1D40), (0x2009, 0x200A), (0x202F, 0x202F)]


def kerning(font):
    """Pairs of printable ASCII glyphs with a kern other than zero, in font units."""
    cmap = font.getBestCmap()
    ascii_glyphs = {cmap[c] for c in range(0x21, 0x7F) if c in cmap}
    lookups = font["GPOS"].table.LookupList.Lookup if "GPOS" in font else []
    wanted = {i for f in (font["GPOS"].table.FeatureList.FeatureRecord if lookups else []) if f.FeatureTag == "kern"
              for i in f.Feature.LookupListIndex}
    pairs = {}
    for i in sorted(wanted):
        for table in lookups[i].SubTable:
            table = getattr(table, "ExtSubTable", table)
            if table.LookupType != 2:
                continue
            for left in table.Coverage.glyphs:
                if left not in ascii_glyphs:
                    continue
                if table.Format == 1:
                    rows = {r.SecondGlyph: r.Value1 for r in table.PairSet[table.Coverage.glyphs.index(left)].PairValueRecord}
                else:
                    row = table.Class1Record[table.ClassDef1.classDefs.get(left, 0)].Class2Record
                    rows = {g: row[table.ClassDef2.classDefs.get(g, 0)].Value1 for g in ascii_glyphs}
                for right, value in rows.items():
                    if right in ascii_glyphs and (left, right) not in pairs:
                        pairs[left, right] = getattr(value, "XAdvance", 0) if value else 0
    return {pair: k for pair, k in pairs.items() if k}


def make(source, target, extra_only=None):
    font = TTFont(source)
    # the fallback font only lends single signs, which are never kerned
    pairs = {} if extra_only else kerning(font)
    chosen = [c for a, b in RANGES for c in range(a, b + 1)]
    if extra_only:
        chosen = [c for c in chosen if c not in extra_only]
    options = subset.Options(layout_features=[], hinting=False, desubroutinize=True, name_IDs=[0, 1, 2, 13, 14], notdef_outline=True)
    worker = subset.Subsetter(options)
    worker.populate(unicodes=chosen)
    worker.subset(font)
    for name in ("GPOS", "GSUB", "GDEF"):
        if name in font:
            del font[name]
    if pairs:
        biggest = sorted(pairs.items(), key=lambda p: -abs(p[1]))[:10000]
        table = KernTable_format_0(apple=False)
        table.kernTable, table.coverage = dict(biggest), 1
        table.version = 0
        table.tupleIndex = None
        font["kern"] = newTable("kern")
        font["kern"].version, font["kern"].kernTables = 0, [table]
    font.save(target)
    return set(font.getBestCmap())


inter, dejavu, out = sys.argv[1:4]
have = make(f"{inter}/Inter-Regular.otf", f"{out}/Inter-Regular.otf")
make(f"{inter}/Inter-SemiBold.otf", f"{out}/Inter-SemiBold.otf")
make(f"{dejavu}/DejaVuSans.ttf", f"{out}/DejaVuSans-signs.ttf", extra_only=have)
