//! Reading tensors back: one staging buffer, kept, and a word behind the data that proves it is from now.
//!
//! A lost device can report success and hand out stale memory; the nonce written in the same submission is what is
//! believed, not the return values.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;

type Outcome = Arc<Mutex<Option<Result<(), wgpu::BufferAsyncError>>>>;

/// The staging buffer and the nonce.
pub struct Readback {
    staging: Option<wgpu::Buffer>,
    nonce: wgpu::Buffer,
    count: u32,
    outcome: Outcome,
}

const NONCE_BYTES: u64 = 16;

impl Readback {
    /// Nothing is staged until the first read.
    pub fn new(device: &wgpu::Device) -> Self {
        let nonce = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("nonce"),
            size: NONCE_BYTES,
            usage: wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self { staging: None, nonce, count: 0x5c0e_0000, outcome: Arc::default() }
    }

    /// Copies `bytes` bytes of `source` to the staging buffer and asks for it to be mapped.
    pub fn submit(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        source: &wgpu::Buffer,
        from: u64,
        bytes: u64,
    ) -> Result<wgpu::SubmissionIndex> {
        let need = bytes + NONCE_BYTES;
        let staging = match self.staging.take() {
            Some(s) if s.size() >= need => s,
            _ => device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("staging"),
                size: need.next_power_of_two(),
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
        };
        self.count = self.count.wrapping_add(1);
        queue.write_buffer(&self.nonce, 0, &self.count.to_le_bytes());
        let mut encoder = device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(source, from, &staging, 0, bytes);
        encoder.copy_buffer_to_buffer(&self.nonce, 0, &staging, bytes, NONCE_BYTES);
        let index = queue.submit([encoder.finish()]);
        let outcome: Outcome = Arc::default();
        self.outcome = outcome.clone();
        staging.map_async(wgpu::MapMode::Read, ..need, move |r| {
            *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(r);
        });
        self.staging = Some(staging);
        Ok(index)
    }

    /// The bytes, once the submission is done; `Err` says why they cannot be believed.
    pub fn take(&mut self, bytes: usize) -> Result<Vec<u8>, String> {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        let staging = self.staging.take().ok_or("nothing was read back")?;
        match outcome {
            Some(Ok(())) => {}
            Some(Err(e)) => return Err(format!("reading back failed: {e}")),
            None => return Err("reading back did not finish".into()),
        }
        let need = bytes + NONCE_BYTES as usize;
        let view = staging.get_mapped_range(..need as u64).map_err(|e| format!("reading back failed: {e}"))?;
        let nonce = &view[bytes..bytes + 4];
        if nonce != self.count.to_le_bytes() {
            return Err("the device returned stale memory".into());
        }
        let data = view[..bytes].to_vec();
        drop(view);
        staging.unmap();
        self.staging = Some(staging);
        Ok(data)
    }
}
