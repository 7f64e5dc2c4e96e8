//! Tensors: typed, shaped, labelled views of buffers that an engine holds.

use std::sync::atomic::{AtomicU64, Ordering};

/// Rows in a panel. Batches are stored in panels of so many whole rows: row-major with the rows padded to a multiple of
/// [`PANEL`] and the features to a multiple of 8. Measured against panels with the rows innermost, for which kernels that
/// keep their sums in registers run out of registers and of instruction cache, and against no padding, which costs a
/// branch a load. Padding features of activations hold finite numbers, those of gradients zeros.
pub const PANEL: usize = 64;

/// Number of panels that hold `rows` rows.
pub fn panels(rows: usize) -> usize {
    rows.div_ceil(PANEL)
}

/// `n` rounded up to a multiple of `step`.
pub fn pad(n: usize, step: usize) -> usize {
    n.div_ceil(step) * step
}

/// Shape of a batch of `rows` rows of `features` numbers in panels.
pub fn panel_shape(rows: usize, features: usize) -> [usize; 2] {
    [pad(rows, PANEL), pad(features, 8)]
}

/// What a tensor is made of; both kinds take four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// Real numbers: f32 on a device, f64 in the reference.
    F32,
    /// Words.
    U32,
}

/// Names a buffer in every engine that was given its arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub u64);

/// A buffer to be allocated.
#[derive(Debug, Clone)]
pub struct BufferDecl {
    /// Its name.
    pub id: BufferId,
    /// For messages.
    pub label: String,
    /// Kind of its elements.
    pub element: Element,
    /// Number of elements.
    pub len: usize,
}

/// A view of a buffer with a shape.
#[derive(Debug, Clone)]
pub struct Tensor {
    /// The buffer it lies in.
    pub buffer: BufferId,
    /// For messages.
    pub label: String,
    /// Kind of its elements.
    pub element: Element,
    /// First element in the buffer.
    pub offset: usize,
    /// Logical shape, outermost first; that of one member of an ensemble.
    pub shape: Vec<usize>,
    /// Members of the ensemble that each have such a tensor, one behind the other.
    pub members: usize,
    /// Elements from member to member; 0 when all share the tensor.
    pub member_stride: usize,
}

impl Tensor {
    /// All of a buffer.
    pub fn whole(buffer: &BufferDecl) -> Tensor {
        Tensor {
            buffer: buffer.id,
            label: buffer.label.clone(),
            element: buffer.element,
            offset: 0,
            shape: vec![buffer.len],
            members: 1,
            member_stride: 0,
        }
    }
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
    /// Elements from the first of the first member to the last of the last.
    pub fn span(&self) -> usize {
        (self.members - 1) * self.member_stride + self.len()
    }
    /// The tensor of one member.
    pub fn of_member(&self, member: usize) -> Tensor {
        Tensor { offset: self.offset + member * self.member_stride, members: 1, member_stride: 0, ..self.clone() }
    }
    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The part of `len` elements from `offset` on, as a tensor of its own.
    pub fn slice(&self, offset: usize, shape: &[usize]) -> Tensor {
        debug_assert!(offset + shape.iter().product::<usize>() <= self.len());
        Tensor { offset: self.offset + offset, shape: shape.to_vec(), ..self.clone() }
    }
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// The buffers of a job, planned before any device is touched.
#[derive(Debug, Clone)]
pub struct Arena {
    /// Every buffer in it.
    pub buffers: Vec<BufferDecl>,
    members: usize,
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl Arena {
    /// An empty plan.
    pub fn new() -> Self {
        Self::ensemble(1)
    }
    /// An empty plan for an ensemble: every tensor declared in it exists once a member.
    pub fn ensemble(members: usize) -> Self {
        Self { buffers: Vec::new(), members }
    }
    /// Members of the ensemble.
    pub fn members(&self) -> usize {
        self.members
    }
    fn declare(&mut self, label: &str, element: Element, shape: &[usize]) -> Tensor {
        let id = BufferId(NEXT.fetch_add(1, Ordering::Relaxed));
        // an empty tensor still needs something to bind
        let len = shape.iter().product::<usize>().max(4);
        let members = self.members;
        // members start where any kind of vector may start
        let member_stride = if members > 1 { pad(len, 64) } else { 0 };
        self.buffers.push(BufferDecl { id, label: label.into(), element, len: (members - 1) * member_stride + len });
        Tensor { buffer: id, label: label.into(), element, offset: 0, shape: shape.to_vec(), members, member_stride }
    }
    /// A tensor of real numbers.
    pub fn f32(&mut self, label: &str, shape: &[usize]) -> Tensor {
        self.declare(label, Element::F32, shape)
    }
    /// A tensor of words.
    pub fn u32(&mut self, label: &str, shape: &[usize]) -> Tensor {
        self.declare(label, Element::U32, shape)
    }
    /// A tensor of real numbers that all members of an ensemble share.
    pub fn shared_f32(&mut self, label: &str, shape: &[usize]) -> Tensor {
        let members = std::mem::replace(&mut self.members, 1);
        let tensor = self.f32(label, shape);
        self.members = members;
        tensor
    }
    /// A tensor of words that all members of an ensemble share.
    pub fn shared_u32(&mut self, label: &str, shape: &[usize]) -> Tensor {
        let members = std::mem::replace(&mut self.members, 1);
        let tensor = self.u32(label, shape);
        self.members = members;
        tensor
    }
    /// Batched rows of `features` numbers in panels: shape (padded rows, padded features).
    pub fn panel(&mut self, label: &str, rows: usize, features: usize) -> Tensor {
        self.f32(label, &panel_shape(rows, features))
    }
    /// Bytes in all.
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().map(|b| 4 * b.len as u64).sum()
    }
}
