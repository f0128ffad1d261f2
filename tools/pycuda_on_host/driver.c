/* A CUDA driver whose device is the host, for running the real pycuda where there is no GPU: memory
 * is malloc's, copies are done at once, streams and events hold nothing. What CUDA would refuse is
 * refused: calls without a current context or after the last release of the primary one, and
 * events that would spin or measure time. What is not given back is counted. */
#include <cuda.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cuda.h renames these; the names that programs link to are written below. */
#undef cuCtxPopCurrent
#undef cuCtxPushCurrent
#undef cuEventDestroy
#undef cuMemAlloc
#undef cuMemFree
#undef cuMemcpyDtoHAsync
#undef cuMemcpyHtoDAsync
#undef cuStreamDestroy

#define DEPTH 64

static int allocations, page_locked, streams, events, retained;
static __thread CUcontext stack[DEPTH];
static __thread int depth;

#define NEEDS_CONTEXT                                        \
  if (depth == 0) return CUDA_ERROR_INVALID_CONTEXT;         \
  if (retained == 0) return CUDA_ERROR_CONTEXT_IS_DESTROYED

/* device memory, page-locked memory, streams, events, retained contexts, depth of this thread */
void host_driver_report(int *counts) {
  int now[] = {allocations, page_locked, streams, events, retained, depth};
  memcpy(counts, now, sizeof now);
}

CUresult cuInit(unsigned flags) { return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int *version) { *version = CUDA_VERSION; return CUDA_SUCCESS; }
CUresult cuDeviceGetCount(int *count) { *count = 1; return CUDA_SUCCESS; }
CUresult cuDeviceGet(CUdevice *device, int index) {
  *device = index;
  return index == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}
CUresult cuDeviceGetName(char *name, int size, CUdevice device) {
  snprintf(name, size, "Host");
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  *value = attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR   ? 8
           : attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR ? 7
                                                                       : 1;
  return CUDA_SUCCESS;
}
CUresult cuDeviceComputeCapability(int *major, int *minor, CUdevice device) {
  *major = 8, *minor = 7;
  return CUDA_SUCCESS;
}
CUresult cuGetErrorString(CUresult error, const char **text) { *text = "refused"; return CUDA_SUCCESS; }

static CUcontext primary = (CUcontext)&retained;
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  *context = primary;
  retained++;
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) { retained--; return CUDA_SUCCESS; }
CUresult cuCtxDetach(CUcontext context) { return CUDA_ERROR_INVALID_CONTEXT; } /* not a primary one */
CUresult cuCtxPushCurrent_v2(CUcontext context) {
  if (depth == DEPTH) return CUDA_ERROR_INVALID_VALUE;
  stack[depth++] = context;
  return CUDA_SUCCESS;
}
CUresult cuCtxPopCurrent_v2(CUcontext *context) {
  if (depth == 0) return CUDA_ERROR_INVALID_CONTEXT;
  *context = stack[--depth];
  return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext *context) {
  *context = depth ? stack[depth - 1] : NULL;
  return CUDA_SUCCESS;
}
CUresult cuCtxGetDevice(CUdevice *device) { NEEDS_CONTEXT; *device = 0; return CUDA_SUCCESS; }

CUresult cuMemAlloc_v2(CUdeviceptr *memory, size_t size) {
  NEEDS_CONTEXT;
  if (size > (size_t)1 << 30) return CUDA_ERROR_OUT_OF_MEMORY;
  *memory = (CUdeviceptr)malloc(size);
  allocations++;
  return CUDA_SUCCESS;
}
CUresult cuMemFree_v2(CUdeviceptr memory) {
  NEEDS_CONTEXT;
  free((void *)memory);
  allocations--;
  return CUDA_SUCCESS;
}
CUresult cuMemHostAlloc(void **memory, size_t size, unsigned flags) {
  NEEDS_CONTEXT;
  *memory = malloc(size);
  page_locked++;
  return CUDA_SUCCESS;
}
CUresult cuMemFreeHost(void *memory) {
  NEEDS_CONTEXT;
  free(memory);
  page_locked--;
  return CUDA_SUCCESS;
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t size, CUstream stream) {
  NEEDS_CONTEXT;
  memcpy((void *)to, from, size);
  return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t size, CUstream stream) {
  NEEDS_CONTEXT;
  memcpy(to, (void *)from, size);
  return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
  NEEDS_CONTEXT;
  *stream = malloc(1);
  streams++;
  return CUDA_SUCCESS;
}
CUresult cuStreamDestroy_v2(CUstream stream) {
  NEEDS_CONTEXT;
  free(stream);
  streams--;
  return CUDA_SUCCESS;
}
CUresult cuStreamSynchronize(CUstream stream) { NEEDS_CONTEXT; return CUDA_SUCCESS; }
CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags) {
  NEEDS_CONTEXT;
  return CUDA_SUCCESS;
}
CUresult cuEventCreate(CUevent *event, unsigned flags) {
  NEEDS_CONTEXT;
  if (flags != (CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING)) return CUDA_ERROR_INVALID_VALUE;
  *event = malloc(1);
  events++;
  return CUDA_SUCCESS;
}
CUresult cuEventDestroy_v2(CUevent event) {
  NEEDS_CONTEXT;
  free(event);
  events--;
  return CUDA_SUCCESS;
}
CUresult cuEventRecord(CUevent event, CUstream stream) { NEEDS_CONTEXT; return CUDA_SUCCESS; }
CUresult cuEventSynchronize(CUevent event) { NEEDS_CONTEXT; return CUDA_SUCCESS; }
