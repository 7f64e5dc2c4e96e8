// How kernels that are made of parts reach the tensors of network/product, in packed eights.
#import network/product

fn input_eight(at: u32) -> vec4<u64> {
    return input[at];
}

fn weight_eight(at: u32) -> vec4<u64> {
    return weight[at];
}

fn weight_s(at: u32) -> vec4<u64> {
    return weight[at];
}

fn weight_d(at: u32) -> vec4<u64> {
    return weight[at];
}

fn output_eight(at: u32) -> vec4<u64> {
    return output[at];
}

fn set_output(at: u32, eight: vec4<u64>) {
    output[at] = eight;
}
