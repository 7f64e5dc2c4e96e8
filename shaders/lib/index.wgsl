// Invocation numbers of 1-D work, for workgroups of 64, folded past the limit of groups in one dimension:
//   index = (workgroup.y * groups.x + workgroup.x) * 64 + local

fn linear_index(workgroup: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (workgroup.y * groups.x + workgroup.x) * 64u + local;
}
