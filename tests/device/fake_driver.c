// A fake libcuda.so.1 for tests without a device. Environment variables set its results:
// FAKE_CUDA_INIT (result of cuInit), FAKE_CUDA_DEVICES (how many), FAKE_CUDA_VERSION (13000).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int from_environment(const char* name, int otherwise) {
  const char* value = getenv(name);
  return value ? atoi(value) : otherwise;
}

int cuInit(unsigned flags) {
  const char* visible = getenv("CUDA_VISIBLE_DEVICES");
  (void)flags;
  if (visible && !*visible) return 100;
  return from_environment("FAKE_CUDA_INIT", 0);
}

int cuDriverGetVersion(int* version) {
  *version = from_environment("FAKE_CUDA_VERSION", 13000);
  return 0;
}

int cuDeviceGetCount(int* count) {
  *count = from_environment("FAKE_CUDA_DEVICES", 1);
  return 0;
}

int cuDeviceGet(int* device, int index) {
  *device = index;
  return 0;
}

int cuDeviceGetName(char* name, int room, int device) {
  snprintf(name, (size_t)room, "Fake device %d", device);
  return 0;
}

int cuDeviceTotalMem_v2(size_t* bytes, int device) {
  (void)device;
  *bytes = (size_t)80 << 30;
  return 0;
}

int cuDeviceGetAttribute(int* value, int attribute, int device) {
  (void)device;
  *value = attribute == 75 ? 9 : 0;
  return 0;
}

int cuGetErrorString(int result, const char** text) {
  if (result != 803) return 1;
  *text = "system has unsupported display driver / cuda driver combination";
  return 0;
}
