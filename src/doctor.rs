//! The self-test: every kernel against its f64 twin, on the device at hand, over awkward shapes.
//!
//! Whole recordings (training steps, held-out batches, reverse steps) are walked command by command: before each, the
//! reference's numbers are rounded to f32 and uploaded, then both engines run the one command and every tensor it is
//! bound to is compared. So each kernel is judged alone, in the surroundings it is used in. All memory is poisoned
//! first, so that nothing can lean on zeros.

use crate::bench::ceilings;
use crate::error::Result;
use crate::network::{ACTIVATIONS, Network, NetworkOptions, PANEL_ROWS, TILES};
use crate::oracle::Law;
use crate::process::{self, Process, SamplerOptions};
use crate::recording::{Arena, Command, Dispatch, Element, Engine, Kernels, Recording, TURNS, Tensor, Work};
use crate::reference::Reference;
use crate::render::ColourMap;
use crate::render::cloud::Clouds;
use crate::render::twin::{Tone, Window};
use crate::sample::{Chunk, NetworkScore, Score};
use crate::score::{ExactScore, GaussianScore, Probe};
use crate::train::{self, Dataset, TrainOptions};

/// How far one kernel strayed.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Kernel and slots.
    pub kernel: String,
    /// Launches compared.
    pub launches: usize,
    /// Numbers compared.
    pub numbers: usize,
    /// Greatest difference, relative to the greatest number of its tensor.
    pub worst: f64,
    /// The case and tensor with the greatest difference.
    pub place: String,
    /// What is accepted.
    pub tolerance: f64,
}

impl Finding {
    /// Whether the kernel is right on this device.
    pub fn passed(&self) -> bool {
        self.worst <= self.tolerance
    }
}

/// Accepted difference, relative to the greatest number of the tensor: sums of up to 2048 products in f32, and
/// transcendental functions as loose as WGSL allows them.
pub const TOLERANCE: f64 = 2e-5;
/// What memory holds before anything is written.
const POISON: f32 = -12_345.0;
/// Accepted difference of normals, relative to the greatest: they are made by polynomials and owe nothing to the device.
pub const NORMALS_TOLERANCE: f64 = 1e-6;

/// Roundings of a factor, see [`Engine::rounding`], that a product may be off by. Two factors are rounded and three sums of
/// four products, which makes 5 of the sum of the terms' sizes; where terms cancel that is more than the greatest number of
/// the tensor, in the cases here by less than 8 / 5.
pub const PRODUCT_ROUNDINGS: f64 = 8.0;
/// Counters and words that the random numbers are tried on.
const RANDOM: u32 = 1 << 16;

/// A network and batch to walk through.
pub struct Shape {
    /// Data dimension.
    pub dim: usize,
    /// As `--hidden`.
    pub hidden: &'static str,
    /// Time features.
    pub features: usize,
    /// Rows.
    pub batch: usize,
}

const fn shape(dim: usize, hidden: &'static str, features: usize, batch: usize) -> Shape {
    Shape { dim, hidden, features, batch }
}

/// Awkward shapes: 1, primes, one more than a tile.
pub const SHAPES: &[Shape] = &[
    shape(1, "1x1", 0, 1),
    shape(2, "64x2", 30, 33),
    shape(3, "65,7", 5, 31),
    shape(9, "33,33", 3, 64),
    shape(17, "129x1", 2, 257),
];

/// Runs all cases and gives one finding a kernel.
pub fn examine(gpu: &mut dyn Engine, shapes: &[Shape], activations: &[&str]) -> Result<Vec<Finding>> {
    let mut walk = Walk { gpu, findings: Vec::new() };
    for (i, shape) in shapes.iter().enumerate() {
        let activation = activations[i % activations.len()];
        for blocks in [false, true] {
            walk.network(shape, activation, blocks, ["sgd", "adam", "adamw"][i % 3], true)?;
        }
    }
    for activation in activations {
        // with a fixed parameter, where the values of some tell their slopes
        walk.network(&shape(2, "9x1", 2, 40), activation, false, "adam", false)?;
    }
    // fused kernels have a tile for every size of batch, or several tiles; the shapes above are all of the smallest
    let batches: Vec<usize> = match walk.gpu.kernels(1) {
        Kernels::Layered => Vec::new(),
        Kernels::Fused => TILES.iter().map(|t| t.batch).filter(|&b| b > 0).collect(),
        Kernels::FusedPanel => vec![PANEL_ROWS, 9 * PANEL_ROWS],
    };
    for batch in batches {
        walk.network(&shape(2, "9x1", 3, batch + 33), activations[0], false, "adam", true)?;
    }
    walk.gaussian()?;
    walk.exact()?;
    walk.random()?;
    walk.turns()?;
    walk.drawing()?;
    walk.ceilings()?;
    Ok(walk.findings)
}

/// Names of all activations.
pub fn all_activations() -> Vec<&'static str> {
    ACTIVATIONS.iter().map(|a| a.name).collect()
}

struct Walk<'a> {
    gpu: &'a mut dyn Engine,
    findings: Vec<Finding>,
}

/// Whether `shader` is an activation whose slope jumps at 0.
fn has_kink(shader: &str) -> bool {
    let found = ACTIVATIONS.iter().find(|a| a.shader == shader);
    found.is_some_and(|a| ((a.slope)(1e-9, 1.0) - (a.slope)(-1e-9, 1.0)).abs() > 1e-3)
}

/// Whether two words of a picture differ by a rounding only. The rim of a disc is rounded to 256ths after a square root, and
/// a tone to 255ths after an exponential: in f32 both may fall on the other side of a half, one unit (for colours, one entry of
/// the map) away.
fn neighbours(kernel: &str, a: u32, b: u32) -> bool {
    match kernel {
        "render/splat" => a.abs_diff(b) <= 1,
        "render/tone" => a.to_le_bytes().iter().zip(b.to_le_bytes()).all(|(x, y)| x.abs_diff(y) <= 3),
        _ => false,
    }
}

fn rows(count: usize, dim: usize, seed: u64) -> Vec<f32> {
    let one = |i: usize| {
        crate::random::normals(crate::random::words(
            seed,
            crate::random::Purpose::Test,
            (i / dim) as u32,
            0,
            (i % dim / 4) as u32,
        ))[i % dim % 4] as f32
    };
    (0..count * dim).map(one).collect()
}

/// Four words of which one is moved to an edge: near 0, near 2^16, near 2^31, near 2^32, near multiples of an octant.
fn edged(mut w: [u32; 4], i: u32) -> [u32; 4] {
    let offset = (i >> 5 & 63).wrapping_sub(32);
    let edges = [0, 1 << 16, 1 << 31, 1 << (i >> 11), 0x2000_0000 * (i >> 11 & 7), !0, 0xFFFF_0000, w[0]];
    w[i as usize & 3] = edges[i as usize >> 2 & 7].wrapping_add(offset);
    w
}

impl Walk<'_> {
    fn network(
        &mut self,
        shape: &Shape,
        activation: &str,
        blocks: bool,
        optimiser: &str,
        trains_alpha: bool,
    ) -> Result<()> {
        let label = format!(
            "D={} H={} F={} B={} {activation}{}",
            shape.dim,
            shape.hidden,
            shape.features,
            shape.batch,
            if blocks { " norm skip" } else { "" }
        );
        let options = NetworkOptions {
            hidden: shape.hidden.into(),
            activation: activation.into(),
            train_alpha: trains_alpha && activation == "signrelu",
            alpha: 0.75,
            features: shape.features,
            layer_norm: blocks,
            skip: blocks,
            ..NetworkOptions::default()
        };
        let network = Network::new(&options, shape.dim)?;
        let training = TrainOptions {
            batch_size: shape.batch,
            optimiser: optimiser.into(),
            steps: 10,
            weight_decay: 0.01,
            clip: 0.1,
            // in a batch of one number the two terms of a lesson may cancel, and then nothing is left to compare
            teacher: if blocks && shape.batch > 1 { "empirical" } else { "none" }.into(),
            ..TrainOptions::default()
        };
        let data = Dataset::from_rows("self-test".into(), rows(50, shape.dim, 1), shape.dim, 0.3, true, 3)?;
        let process = Process::named("ou")?;
        self.training(&label, &network, &training, &process, &data)?;
        if !blocks {
            self.implicit(&label, &network, &training, &process, &data)?;
        }
        self.sampling(&label, &network, &process, shape.batch)
    }

    fn training(
        &mut self,
        label: &str,
        network: &Network,
        options: &TrainOptions,
        process: &Process,
        data: &Dataset,
    ) -> Result<()> {
        // an ensemble of two where it is small enough: each shape is then tried with members and without
        let seeds: &[u64] = if options.batch_size % 2 == 1 { &[5, 6] } else { &[5] };
        let members: Vec<_> = seeds.iter().map(|&seed| (data, seed)).collect();
        let layered = || train::Setup::ensemble(network, process, &members, options);
        self.steps(label, &layered()?)?;
        // what runs fused runs layer by layer in larger batches and ensembles
        let fused = layered()?.with(self.gpu.kernels(network.widest()));
        if fused.kernels() != Kernels::Layered { self.steps(label, &fused) } else { Ok(()) }
    }

    /// All kernels of a training step and of the held-out loss.
    fn steps(&mut self, label: &str, setup: &train::Setup) -> Result<()> {
        let mut reference = Reference::default();
        let recordings = setup.recordings(60)?;
        self.poison(&mut reference, &setup.arena)?;
        setup.upload(&mut reference)?;
        setup.begin(&mut reference, 0, 2, &[])?;
        for recording in &recordings {
            self.walk(label, &mut reference, recording)?;
        }
        self.gpu.release(&setup.arena);
        Ok(())
    }

    /// Implicit score matching, where the activation is smooth enough: all unit vectors or one of random signs.
    fn implicit(
        &mut self,
        label: &str,
        network: &Network,
        options: &TrainOptions,
        process: &Process,
        data: &Dataset,
    ) -> Result<()> {
        if !network.activation.is_smooth(1.0) {
            return Ok(());
        }
        let plain = NetworkOptions { train_alpha: false, alpha: 1.0, ..network.options.clone() };
        if network.dim % 2 == 1 {
            self.structured(label, &plain, options, process, data)?;
        }
        let loss = if network.dim % 2 == 1 { "ism" } else { "ssm" };
        let options = TrainOptions { loss: loss.into(), ..options.clone() };
        let label = format!("{label}, {loss}");
        self.training(&label, &Network::new(&plain, network.dim)?, &options, process, data)
    }

    /// A head with a trained noise and a ball that some rows leave: trained, sampled, differentiated.
    fn structured(
        &mut self,
        label: &str,
        plain: &NetworkOptions,
        options: &TrainOptions,
        process: &Process,
        data: &Dataset,
    ) -> Result<()> {
        let label = format!("{label}, structured");
        let network = NetworkOptions { predict: "structured".into(), radius: 0.75, ..plain.clone() };
        let network = Network::new(&network, data.dim)?;
        self.training(&label, &network, options, process, data)?;
        let weights = network.initial(11)?;
        let score = NetworkScore { network, process: process.clone(), variance: 1.5, feature_seed: 5, weights };
        self.flow(&label, &score, process, options.batch_size)?;
        self.likelihood(&label, &score, process, options.batch_size)
    }

    fn sampling(&mut self, label: &str, network: &Network, process: &Process, batch: usize) -> Result<()> {
        let weights = network.initial(11)?;
        let score = NetworkScore {
            network: network.clone(),
            process: process.clone(),
            variance: 1.5,
            feature_seed: 5,
            weights,
        };
        self.reverse(label, &score, process, batch)?;
        self.likelihood(label, &score, process, batch)
    }

    /// Points with their divergences along the probability flow, by unit vectors and by random signs.
    fn likelihood(&mut self, label: &str, score: &dyn Score, process: &Process, batch: usize) -> Result<()> {
        let mut reference = Reference::default();
        let plan = process::flow_plan("heun", process, &process::grid("log-snr", process, 3)?, true)?;
        let probe = |number, signs| Probe { number, signs };
        let probes = [probe(0, None), probe(score.dim() - 1, None), probe(1, Some(11))];
        let mut arena = Arena::new();
        let (upload, recordings) = crate::likelihood::recordings(&mut arena, score, &plan, batch, &probes)?;
        self.poison(&mut reference, &arena)?;
        upload(&mut reference)?;
        for recording in &recordings {
            self.walk(&format!("{label}, likelihood"), &mut reference, recording)?;
        }
        self.gpu.release(&arena);
        Ok(())
    }

    /// The score that knows its law, with a coordinate that does not vary.
    fn gaussian(&mut self) -> Result<()> {
        let process = Process::named("vp")?;
        let score =
            GaussianScore { process: process.clone(), mean: vec![1.5, -2.0, 0.0], variance: vec![0.25, 0.0, 4.0] };
        self.reverse("normal law, D=3 B=65", &score, &process, 65)
    }

    /// Exact scores of every form, at awkward sizes: one atom, atoms that fill no quad, several slices.
    fn exact(&mut self) -> Result<()> {
        let process = Process::named("ou")?;
        let laws = [
            "gaussian:dim=1",
            "25gaussians",
            "gmm:k=7,dim=3,layout=random,sd=.5/.7/.9/.2/1/1/2",
            "gmm:k=3,dim=4,layout=random",
            "gmm:k=5,dim=37,layout=random,sd=.5/.7/.9/.2/1",
            "gmm:means=(0,0,1)(1,2,3),weights=.3/.7,cov=(1 0 0 0 0 0 0 0 2)",
            "moons",
            "pinwheel:arms=2",
            "checkerboard",
            "2spirals",
            "rings",
            "sphere:dim=5,span=3,rotate=1",
        ];
        for (i, spec) in laws.iter().enumerate() {
            let law = crate::distribution::parse(spec)?;
            let Some(oracle) = law.oracle() else { continue };
            let score = ExactScore { process: process.clone(), law: Law::of(oracle)? };
            self.flow(&format!("the law {spec}"), &score, &process, [1, 33, 65][i % 3])?;
        }
        for (n, dim) in [(1, 1), (4099, 2), (130, 9)] {
            let score = ExactScore { process: process.clone(), law: Law::empirical(&rows(n, dim, 3), dim)? };
            self.flow(&format!("{n} rows in {dim} dimensions"), &score, &process, 40)?;
        }
        // too many in too many dimensions for one dispatch, at so much noise that the exponents keep their digits
        let loud = process.with_times(process.t_max(), 0.5)?;
        let score = ExactScore { process: loud.clone(), law: Law::empirical(&rows(2045, 60, 3), 60)? };
        self.flow("2045 rows in 60 dimensions", &score, &loud, 40)?;
        // at so little noise that most atoms are passed over, and at more
        let quiet = process.with_times(2e-3, 1e-4)?;
        for dim in 1..=4 {
            let spread: Vec<f32> = rows(4099, dim, 3).iter().map(|v| 3.0 * v).collect();
            let score = ExactScore { process: quiet.clone(), law: Law::empirical(&spread, dim)? };
            self.flow(&format!("4099 rows in {dim} dimensions at little noise"), &score, &quiet, 40)?;
        }
        Ok(())
    }

    /// A law by its probability flow, which keeps to where the law is: far from all its components, which of them is
    /// the nearest hangs on the last digits of two large numbers.
    fn flow(&mut self, label: &str, score: &dyn Score, process: &Process, batch: usize) -> Result<()> {
        self.stages(label, score, process, "ode-heun", batch)
    }

    /// A few stages of a reverse process, from the start to rows in data units.
    fn reverse(&mut self, label: &str, score: &dyn Score, process: &Process, batch: usize) -> Result<()> {
        // from time 1 on, because the clean point that unipc keeps is a difference of large numbers in pure noise
        let process = process.with_times(process.t_max().min(1.0), process.t0())?;
        // between them: noise, no earlier output, several, and a corrected base
        for sampler in ["em", "ode-heun", "unipc"] {
            self.stages(&format!("{label}, {sampler}"), score, &process, sampler, batch)?;
        }
        Ok(())
    }

    fn stages(&mut self, label: &str, score: &dyn Score, process: &Process, sampler: &str, batch: usize) -> Result<()> {
        let mut reference = Reference::default();
        let grid = process::grid("geometric", process, 4)?;
        let plan = process::plan(sampler, process, &grid, &SamplerOptions::default())?;
        let mut arena = Arena::new();
        let chunk = Chunk::new(&mut arena, score, &plan, batch)?.with(&mut arena, &|w| self.gpu.kernels(w));
        self.poison(&mut reference, &arena)?;
        chunk.upload(&mut reference, &plan, &vec![0.25; score.dim()], &vec![2.0; score.dim()])?;
        chunk.begin(&mut reference, 7)?;
        // two stages at once, where that can be
        chunk.stride(&mut reference, 2)?;
        let stages = (0..(plan.evaluations() / 2).min(2)).map(|_| chunk.stage(9));
        for recording in std::iter::once(chunk.start(9, 1.0)).chain(stages).chain([chunk.finish()]) {
            self.walk(label, &mut reference, &recording)?;
        }
        self.gpu.release(&arena);
        Ok(())
    }

    /// Philox and the normals, on random words and on those at the ends of every range that matters.
    fn random(&mut self) -> Result<()> {
        let count = RANDOM as usize;
        let mut arena = Arena::new();
        let [counters, words] = ["counters", "words"].map(|label| arena.u32(label, &[count, 4]));
        let (keys, z) = (arena.u32("keys", &[count, 2]), arena.f32("normals", &[count, 4]));
        let mut reference = Reference::default();
        self.poison(&mut reference, &arena)?;
        let given = |i: u32| crate::random::words(17, crate::random::Purpose::Test, i, 0, 0);
        reference.write_u32(&counters, &(0..RANDOM).flat_map(|i| edged(given(i), i)).collect::<Vec<_>>())?;
        reference
            .write_u32(&keys, &(0..RANDOM).flat_map(|i| [given(i)[1], edged(given(i), i)[2]]).collect::<Vec<_>>())?;
        let mut recording = Recording::new("random numbers");
        let items = |kernel| Dispatch::new(kernel, Work::Items(count)).param("count", count);
        recording.push(items("doctor/philox").bind("counters", &counters).bind("keys", &keys).bind("words", &words));
        recording.push(items("doctor/normals").bind("words", &words).bind("z", &z));
        // the counters are words with all the edges there are, which the words made from them will not show
        recording.push(items("doctor/normals").bind("words", &counters).bind("z", &z));
        self.walk(&format!("{count} counters"), &mut reference, &recording)?;
        self.gpu.release(&arena);
        Ok(())
    }

    /// Loops that turn as often as kernels here may: [`TURNS`] in all, the ends of the inner ones among them.
    fn turns(&mut self) -> Result<()> {
        const COUNT: usize = 67;
        const INNER: usize = 98;
        let mut arena = Arena::new();
        let counts = arena.u32("counts", &[COUNT]);
        let mut reference = Reference::default();
        self.poison(&mut reference, &arena)?;
        let mut recording = Recording::new("turns");
        recording.push(
            Dispatch::new("doctor/turns", Work::Items(COUNT))
                .bind("counts", &counts)
                .param("count", COUNT)
                .param("outer", TURNS / (INNER + 2))
                .param("inner", INNER),
        );
        self.walk(&format!("{TURNS} turns"), &mut reference, &recording)?;
        self.gpu.release(&arena);
        Ok(())
    }

    /// A small cloud on an odd window: counted, drawn with small, fractional and overlapping discs, coloured.
    fn drawing(&mut self) -> Result<()> {
        const ROWS: usize = 67;
        let window = Window { width: 37, height: 21, x_low: -4.625, x_high: 4.625, y_low: -2.625, y_high: 2.625 };
        let mut arena = Arena::new();
        let clouds = Clouds::plan(&mut arena, window, 3, [2, 0], ROWS)?;
        let mut reference = Reference::default();
        self.poison(&mut reference, &arena)?;
        // sixteenths in a window of four pixels a unit: both engines place the points exactly
        let mut points: Vec<f32> = rows(ROWS, 3, 2).iter().map(|v| (v * 16.0).round() / 8.0).collect();
        (points[2], points[8], points[12]) = (f32::NAN, f32::INFINITY, 1e30);
        reference.write(clouds.points(), &points)?;
        reference.write_u32(clouds.colours(), &ColourMap::Dusk.packed())?;
        reference.write_u32(clouds.counts(), &vec![77; clouds.counts().len()])?;
        let tone = |exposure, fade| Tone { unit: 1.0 / 256.0, exposure, opacity: 0.9, fade };
        self.walk("a cloud", &mut reference, &clouds.clear())?;
        self.walk("a cloud", &mut reference, &clouds.count())?;
        for radius in [0.3, 1.0, 2.7] {
            self.walk(&format!("a cloud of radius {radius}"), &mut reference, &clouds.clear())?;
            self.walk(&format!("a cloud of radius {radius}"), &mut reference, &clouds.splat(radius))?;
            self.walk("a cloud, faded", &mut reference, &clouds.tone(&tone(1.1, true)))?;
            self.walk("a cloud, opaque", &mut reference, &clouds.tone(&tone(0.3, false)))?;
        }
        self.gpu.release(&arena);
        Ok(())
    }

    /// The kernels that measure the device, which may be fast only because they are wrong: odd sizes, every tail reached.
    fn ceilings(&mut self) -> Result<()> {
        const COUNT: usize = 67;
        const GROUPS: usize = 3;
        let mut arena = Arena::new();
        let chains = arena.f32("chains", &[COUNT, crate::reference::bench::CHAINS]);
        let [x, y] = ["from", "to"].map(|label| arena.f32(label, &[8 * 1001]));
        let (sums, count) = (arena.f32("sums", &[GROUPS, 64]), arena.u32("count", &[1]));
        let mut reference = Reference::default();
        self.poison(&mut reference, &arena)?;
        reference.write(&x, &rows(8 * 1001, 1, 4))?;
        let mut recording = Recording::new("ceilings");
        for rounds in 1..4 {
            recording.push(ceilings::multiply_add(&chains, COUNT, rounds));
        }
        recording.push(ceilings::reading(&x, &sums, 1));
        recording.push(ceilings::reading(&x, &sums, 3));
        recording.push(ceilings::copying(&x, &y, GROUPS));
        recording.push(ceilings::counting(&count));
        self.walk("odd sizes", &mut reference, &recording)?;
        self.gpu.release(&arena);
        Ok(())
    }

    fn poison(&mut self, reference: &mut Reference, arena: &Arena) -> Result<()> {
        self.gpu.allocate(arena)?;
        reference.allocate(arena)?;
        for b in arena.buffers.iter().filter(|b| b.element == Element::F32) {
            reference.write(&Tensor::whole(b), &vec![POISON; b.len])?;
        }
        Ok(())
    }

    fn walk(&mut self, label: &str, reference: &mut Reference, recording: &Recording) -> Result<()> {
        for command in &recording.commands {
            let Command::Dispatch(dispatch) = command else { continue };
            let one = Recording { label: dispatch.kernel.into(), commands: vec![command.clone()] };
            let members = |t: &Tensor| (0..t.members).map(|m| t.of_member(m)).collect::<Vec<_>>();
            for t in dispatch.bindings.iter().flat_map(|(_, t)| members(t)) {
                match t.element {
                    Element::F32 => {
                        let rounded = reference.read(&t)?;
                        reference.write(&t, &rounded)?;
                        self.gpu.write(&t, &rounded)?;
                    }
                    Element::U32 => self.gpu.write_u32(&t, &reference.read_u32(&t)?)?,
                }
            }
            for engine in [&mut *self.gpu, reference as &mut dyn Engine] {
                let program = engine.prepare(&one)?;
                engine.run(program, 1)?;
            }
            let slots: Vec<&str> = dispatch.slots.iter().map(|(_, f)| f.rsplit('/').next().unwrap_or(f)).collect();
            let name = if slots.is_empty() {
                dispatch.kernel.to_string()
            } else {
                format!("{}[{}]", dispatch.kernel, slots.join(","))
            };
            // rounding carries a number over a kink of the activation: its slope is then another, and rightly so
            let kinked = self.gpu.rounding() > 0.0 && dispatch.slots.iter().any(|(_, f)| has_kink(f));
            for (variable, all) in dispatch.bindings.iter().filter(|(v, _)| !(kinked && *v == "slope")) {
                for (m, t) in members(all).iter().enumerate() {
                    let member = if all.members > 1 { format!(" of member {m}") } else { String::new() };
                    self.compare(&name, &format!("{label}, {variable}{member}"), reference, t)?;
                }
            }
            if let Some(f) = self.findings.iter_mut().find(|f| f.kernel == name) {
                f.launches += 1;
            }
        }
        Ok(())
    }

    fn compare(&mut self, kernel: &str, place: &str, reference: &mut Reference, t: &Tensor) -> Result<()> {
        let (truth, got): (Vec<f64>, Vec<f64>) = match t.element {
            Element::F32 => (reference.read_f64(t)?, self.gpu.read(t)?.iter().map(|&v| f64::from(v)).collect()),
            Element::U32 => {
                let word = |&w: &u32| f64::from(w);
                (reference.read_u32(t)?.iter().map(word).collect(), self.gpu.read_u32(t)?.iter().map(word).collect())
            }
        };
        // words that hold the bits of real numbers differ by rounding only: compare them as such
        let control = t.label.contains("control");
        let poison = f64::from(POISON);
        let scale = truth.iter().filter(|v| **v != poison).fold(1e-30f64, |m, v| m.max(v.abs()));
        let mut worst = 0.0f64;
        for (i, (a, b)) in truth.iter().zip(&got).enumerate() {
            let difference = match (control && i >= 3, a == b || (a.is_nan() && b.is_nan())) {
                (_, true) => 0.0,
                _ if t.element == Element::U32 && neighbours(kernel, *a as u32, *b as u32) => 0.0,
                (true, _) => f64::from((f32::from_bits(*a as u32) - f32::from_bits(*b as u32)).abs()),
                // a word is right or wrong
                _ if t.element == Element::U32 => f64::INFINITY,
                _ => (a - b).abs() / scale,
            };
            // a NaN on one side only is as wrong as can be
            worst = if difference.is_nan() { f64::INFINITY } else { worst.max(difference) };
        }
        let tolerance = match kernel {
            "doctor/normals" => NORMALS_TOLERANCE,
            _ if ["network/linear", "network/d_weight["].iter().any(|k| kernel.starts_with(k)) => {
                TOLERANCE.max(PRODUCT_ROUNDINGS * self.gpu.rounding())
            }
            _ => TOLERANCE,
        };
        let new =
            || Finding { kernel: kernel.into(), launches: 0, numbers: 0, worst: -1.0, place: String::new(), tolerance };
        if !self.findings.iter().any(|f| f.kernel == kernel) {
            self.findings.push(new());
        }
        if let Some(f) = self.findings.iter_mut().find(|f| f.kernel == kernel) {
            f.numbers += truth.len();
            if worst > f.worst {
                f.worst = worst;
                f.place = place.to_string();
            }
        }
        Ok(())
    }
}
