// Where (row, feature) lies in a panel tensor (ceil(rows / 32), features, 32).

fn panel_index(row: u32, feature: u32, features: u32) -> u32 {
    return ((row / 32u) * features + feature) * 32u + row % 32u;
}
