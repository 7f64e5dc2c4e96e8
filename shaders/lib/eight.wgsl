// Eight numbers as four 64-bit words: loads on a software device are loops over the lanes, so wide ones pay.
// The even-numbered ones are in the lower halves of the words.

struct Eight {
    even: vec4<f32>, // numbers 0, 2, 4, 6
    odd: vec4<f32>,  // numbers 1, 3, 5, 7
}

fn unpack_eight(words: vec4<u64>) -> Eight {
    let low = vec4<u32>(words & vec4<u64>(0xfffffffflu));
    let high = vec4<u32>(words >> vec4<u32>(32u));
    return Eight(bitcast<vec4<f32>>(low), bitcast<vec4<f32>>(high));
}

// A kernel whose stores matter sets this from a parameter to what is false, but not known to be: chosen against, words are
// packed once for all lanes; a compiler that sees through packs them anew for each lane that it stores.
var<private> never: bool = false;

fn pack_eight(e: Eight) -> vec4<u64> {
    let words = vec4<u64>(bitcast<vec4<u32>>(e.even)) | (vec4<u64>(bitcast<vec4<u32>>(e.odd)) << vec4<u32>(32u));
    return select(words, vec4<u64>(0lu), never);
}
