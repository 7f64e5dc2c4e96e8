// The blocks of eight numbers that a workgroup passes over, its 64 invocations taking turns.

// (first, end) of an invocation of workgroup `group`, of `length` numbers shared by `groups` workgroups; the rest are idle.
fn blocks_of(group: u32, local: u32, length: u32, groups: u32) -> vec2<u32> {
    if group >= groups { return vec2<u32>(0u); }
    let blocks = length / 8u;
    let share = (blocks + groups - 1u) / groups;
    return vec2<u32>(group * share + local, min((group + 1u) * share, blocks));
}
