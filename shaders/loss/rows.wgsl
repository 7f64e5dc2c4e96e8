// Losses of rows, 256 a workgroup of 64, added up by bins of time in one order.
// needs     one_row(b, slot, member), which sets row_loss and row_bin of the slot; `partial` (groups, BINS, 2); `params`
#import lib/loss_bins

var<workgroup> row_loss: array<f32, 256>;
var<workgroup> row_bin: array<u32, 256>; // BINS for rows that do not count

fn sum_rows(group: u32, local: u32, member: u32) {
    for (var i = 0u; i < 4u; i++) {
        let slot = i * 64u + local;
        row_loss[slot] = 0.0;
        row_bin[slot] = BINS;
        one_row(group * 256u + slot, slot, member);
    }
    workgroupBarrier();
    if local < BINS && group * 256u < params.rows {
        var sum = 0.0;
        var count = 0.0;
        for (var slot = 0u; slot < 256u; slot++) {
            if row_bin[slot] == local {
                sum += row_loss[slot];
                count += 1.0;
            }
        }
        let at = member * params.partial_member + (group * BINS + local) * 2u;
        partial[at] = sum;
        partial[at + 1u] = count;
    }
}
