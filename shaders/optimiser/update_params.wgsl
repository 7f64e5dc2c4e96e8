// Parameters of optimiser/update.

struct Params {
    first: u32,  // first parameter that is trained, a multiple of 8
    length: u32, // number of parameters that are trained, a multiple of 8
    total: u32,  // P
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    decay: f32, // weight decay
    // from member to member of an ensemble, filled in by the host
    parameters_member: u32,
    gradient_member: u32,
    moments_member: u32,
    average_member: u32,
    mirror_member: u32,
    mirror_index_member: u32,
    control_member: u32,
    fault_member: u32,
}
