// Where (row, feature) lies in a panel tensor: row-major, rows padded to PANEL and features to 8.

const PANEL: u32 = 64u;

fn padded_features(features: u32) -> u32 {
    return (features + 7u) / 8u * 8u;
}

fn padded_rows(rows: u32) -> u32 {
    return (rows + PANEL - 1u) / PANEL * PANEL;
}

fn panel_index(row: u32, feature: u32, features: u32) -> u32 {
    return row * padded_features(features) + feature;
}
