/* fakenvml: a stand-in libnvidia-ml.so.1 for tests.
 * build: gcc -std=gnu11 -O1 -shared -fPIC -fvisibility=hidden -Wl,-soname,libnvidia-ml.so.1 -o libnvidia-ml.so.1 fakenvml.c -lpthread
 * State comes from the text file named by FAKENVML_STATE, read again whenever it changes:
 *   count=4            driver=550.90.07   cuda=12040   init_error=9   order=3,0,1 (which devices there are, and how NVML
 *                      numbers them; one that is left out has vanished)   error.CALL=15 hang_ms.CALL=300 (calls on no device)
 *   *.name=...         a setting for every device;  0.mem_used=1200  one for device 0 (wins)
 * Per device: name uuid serial mem_total mem_used mem_reserved (MiB) util mem_util temp power power_limit (W)
 *   proc=PID:MiB,PID:MiB  gproc=...  compute_mode ecc_corr ecc_uncorr xid xid_seq xid_gi xid_ci
 *   error (an nvmlReturn for every query on it) error.CALL (for that call) hang_ms hang_ms.CALL bus numa
 *   switch (devices of one switch are PIX-near) nvlink (links up) nvlink_to=1,1,s (a link to a device, or to a switch, each)
 *   cc=80 remap remap_pending remap_failed retired mem_error recovery clocks
 *   mig mig_pending migs=GI:CI:MiB,GI:CI:MiB (instances) migK.NAME (a setting of instance K: mig0.uuid, mig1.mem_used, mig0.proc)
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#define API __attribute__((visibility("default"))) int
#define MAXD 64
#define MAXK 1024
#define MAXM 7
typedef unsigned int u32; typedef unsigned long long u64;
enum { OK=0, UNINIT=1, BADARG=2, NOSUP=3, NOPERM=4, NOTFOUND=6, SMALL=7, TIMEOUT=10, LOST=15, VERSION=25 };
typedef struct { int idx, mig; } Dev; /* mig: an instance of device idx, or -1: the device itself */
static Dev devs[MAXD], instances[MAXD][MAXM];
static struct { char k[80], v[216]; } kv[MAXK];
static int nkv, inits; static struct timespec seen; static long long seen_size=-1;
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;

static void load(void) {
    const char *p = getenv("FAKENVML_STATE"); struct stat s;
    if (!p || stat(p, &s)) { if (!p) nkv = 0; return; }
    if (s.st_mtim.tv_sec==seen.tv_sec && s.st_mtim.tv_nsec==seen.tv_nsec && s.st_size==seen_size) return;
    FILE *f = fopen(p, "r"); if (!f) return;
    char line[300]; nkv = 0;
    while (nkv < MAXK && fgets(line, sizeof line, f)) {
        char *e = strchr(line, '='); if (line[0]=='#' || !e) continue;
        *e++ = 0; e[strcspn(e, "\r\n")] = 0;
        snprintf(kv[nkv].k, sizeof kv[0].k, "%s", line); snprintf(kv[nkv].v, sizeof kv[0].v, "%s", e); nkv++;
    }
    fclose(f); seen = s.st_mtim; seen_size = s.st_size;
}
/* under mu */
static const char *find(const char *k) { for (int i=nkv-1; i>=0; i--) if (!strcmp(kv[i].k, k)) return kv[i].v; return 0; }
static const char *get(int d, const char *name, const char *def) {
    char k[96]; const char *v;
    if (d < 0) return (v = find(name)) ? v : def;
    snprintf(k, sizeof k, "%d.%s", d, name); if ((v = find(k))) return v;
    snprintf(k, sizeof k, "*.%s", name); return (v = find(k)) ? v : def;
}
static int str(int d, const char *n, const char *def, char *out, u32 len) {
    pthread_mutex_lock(&mu); load(); const char *v = get(d, n, def);
    int r = strlen(v)+1 > len ? SMALL : (strcpy(out, v), OK); pthread_mutex_unlock(&mu); return r;
}
static double num(int d, const char *n, double def) {
    pthread_mutex_lock(&mu); load(); const char *v = get(d, n, 0); double r = v ? strtod(v, 0) : def; pthread_mutex_unlock(&mu); return r;
}
static int list(int d, const char *n, int *out, int most) { /* a comma-separated list of numbers, `s` being -1; -1: not there */
    char b[216]; pthread_mutex_lock(&mu); load(); const char *v = get(d, n, 0);
    snprintf(b, sizeof b, "%s", v ? v : ""); pthread_mutex_unlock(&mu);
    if (!v) return -1;
    int c = 0; char *rest = 0;
    for (char *s = strtok_r(b, ",", &rest); s && c < most; s = strtok_r(0, ",", &rest)) out[c++] = *s == 's' ? -1 : atoi(s);
    return c;
}
/* which devices there are, as NVML numbers them */
static int order(int *out) {
    int c = list(-1, "order", out, MAXD); if (c >= 0) return c;
    c = num(-1, "count", 1); c = c < 0 ? 0 : c > MAXD ? MAXD : c;
    for (int i = 0; i < c; i++) out[i] = i;
    return c;
}
static int count(void) { int o[MAXD]; return order(o); }
static int there(int idx) { int o[MAXD], c = order(o); for (int i = 0; i < c; i++) if (o[i] == idx) return 1; return 0; }
static int migs(int idx, int k, int *gi, int *ci, double *mib) { /* instance k of a device; 0: there is none */
    char b[216]; if (!num(idx, "mig", 0)) return 0;
    pthread_mutex_lock(&mu); load(); snprintf(b, sizeof b, "%s", get(idx, "migs", "")); pthread_mutex_unlock(&mu);
    char *rest = 0, *s = strtok_r(b, ",", &rest);
    for (int i = 0; s; i++, s = strtok_r(0, ",", &rest)) if (i == k) return sscanf(s, "%d:%d:%lf", gi, ci, mib) == 3;
    return 0;
}
static int faulty(int d, const char *call) {
    char k[96]; snprintf(k, sizeof k, "hang_ms.%s", call);
    int ms = num(d, k, d < 0 ? 0 : num(d, "hang_ms", 0)); if (ms) { struct timespec t = {ms/1000, ms%1000*1000000L}; nanosleep(&t, 0); }
    snprintf(k, sizeof k, "error.%s", call); return num(d, k, d < 0 ? 0 : num(d, "error", 0));
}
/* every device call begins here: initialised?, a device?, still there?, faults asked for? */
static int chk(Dev *d, const char *call) {
    int gi, ci; double mib;
    if (!inits) return UNINIT;
    int gpu = d >= devs && d < devs+MAXD, mig = d >= instances[0] && d < instances[0]+MAXD*MAXM;
    if (!gpu && !mig) return BADARG;
    if (!there(d->idx) || (mig && !migs(d->idx, d->mig, &gi, &ci, &mib))) return LOST;
    return faulty(d->idx, call);
}
#define CHK(d) do { int r_ = chk(d, __func__); if (r_) return r_; } while (0)
#define ASK() do { if (!inits) return UNINIT; int r_ = faulty(-1, __func__); if (r_) return r_; } while (0)
#define NOT_OF_MIG(d) do { if ((d)->mig >= 0) return NOSUP; } while (0)
#define MIB(d,n,def) ((u64)(num((d)->idx,n,def)*1048576.0))

API nvmlInitWithFlags(u32 fl) { (void)fl; int e = num(-1, "init_error", 0); if (e) return e;
    pthread_mutex_lock(&mu); for (int i=0;i<MAXD;i++) { devs[i]=(Dev){i,-1}; for (int k=0;k<MAXM;k++) instances[i][k]=(Dev){i,k}; } inits++; pthread_mutex_unlock(&mu); return OK; }
API nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
API nvmlShutdown(void) { pthread_mutex_lock(&mu); int r = inits ? (inits--, OK) : UNINIT; pthread_mutex_unlock(&mu); return r; }
__attribute__((visibility("default"))) const char *nvmlErrorString(int r) {
    static const char *t[] = {"Success","Uninitialized","Invalid Argument","Not Supported","Insufficient Permissions","Already Initialized",
      "Not Found","Insufficient Size","Insufficient External Power","Driver Not Loaded","Timeout","Interrupt Request Issue",
      "NVML Shared Library Not Found","Function Not Found","Corrupted infoROM","GPU is lost","GPU requires restart",
      "The operating system has blocked the request.","RM has detected an NVML/RM version mismatch.","An operation cannot be performed because the GPU is currently in use"};
    return r >= 0 && r < (int)(sizeof t/sizeof *t) ? t[r] : "Unknown Error"; }
API nvmlSystemGetDriverVersion(char *v, u32 n) { ASK(); return str(-1,"driver","550.90.07",v,n); }
API nvmlSystemGetNVMLVersion(char *v, u32 n) { return inits ? str(-1,"nvml","12.550.90.07",v,n) : UNINIT; }
API nvmlSystemGetCudaDriverVersion_v2(int *v) { ASK(); *v = num(-1,"cuda",12040); return OK; }
API nvmlSystemGetCudaDriverVersion(int *v) { *v = num(-1,"cuda",12040); return OK; }
API nvmlDeviceGetCount_v2(u32 *c) { ASK(); *c = count(); return OK; }
API nvmlDeviceGetHandleByIndex_v2(u32 i, Dev **d) { int o[MAXD]; ASK(); if (i >= (u32)order(o)) return BADARG;
    *d = &devs[o[i]]; return chk(*d, __func__); }
API nvmlDeviceGetIndex(Dev *d, u32 *i) { int o[MAXD]; CHK(d); for (int k=order(o)-1; k>=0; k--) if (o[k]==d->idx) *i=k; return OK; }
API nvmlDeviceGetMinorNumber(Dev *d, u32 *i) { CHK(d); *i = num(d->idx,"minor",d->idx); return OK; }
/* a setting of a device, or that of its instance, under the name migK.NAME */
static const char *of(Dev *d, const char *n, char *k, size_t len) { if (d->mig < 0) return n; snprintf(k,len,"mig%d.%s",d->mig,n); return k; }
API nvmlDeviceGetName(Dev *d, char *s, u32 n) { char k[96]; CHK(d); return str(d->idx,of(d,"name",k,sizeof k),d->mig<0?"NVIDIA Fake-A100-40GB":"NVIDIA Fake-A100-40GB MIG",s,n); }
API nvmlDeviceGetUUID(Dev *d, char *s, u32 n) { CHK(d); char u[48], k[96]; if (d->mig<0) snprintf(u,sizeof u,"GPU-fa4e0000-0000-4000-8000-%012x",d->idx);
    else snprintf(u,sizeof u,"MIG-fa4e0000-0000-5000-8000-%010x%02x",d->idx,d->mig); return str(d->idx,of(d,"uuid",k,sizeof k),u,s,n); }
API nvmlDeviceGetSerial(Dev *d, char *s, u32 n) { CHK(d); char u[24]; snprintf(u,sizeof u,"FAKE%04d",d->idx); return str(d->idx,"serial",u,s,n); }
API nvmlDeviceGetHandleByUUID(const char *u, Dev **d) { char s[96]; if (!inits) return UNINIT;
    for (int i=0;i<MAXD;i++) if (there(i) && !nvmlDeviceGetUUID(&devs[i],s,sizeof s) && !strcmp(s,u)) { *d=&devs[i]; return OK; } return NOTFOUND; }
typedef struct { u64 total, free, used; } Mem; typedef struct { u32 version; u64 total, reserved, free, used; } Mem2;
API nvmlDeviceGetMemoryInfo_v2(Dev *d, Mem2 *m) { CHK(d); int r_ = num(d->idx,"mem_error",0); if (r_) return r_; if (m->version != (sizeof *m | 2u<<24)) return VERSION;
    if (d->mig>=0) { int gi,ci; double mib=0; char k[96]; migs(d->idx,d->mig,&gi,&ci,&mib); m->total=(u64)(mib*1048576.0); m->reserved=0;
        m->used=MIB(d,of(d,"mem_used",k,sizeof k),0); m->free=m->total-m->used; return OK; }
    m->total=MIB(d,"mem_total",40960); m->reserved=MIB(d,"mem_reserved",512); m->used=MIB(d,"mem_used",0);
    u64 u=m->used+m->reserved; m->free = m->total>u ? m->total-u : 0; return OK; }
API nvmlDeviceGetMemoryInfo(Dev *d, Mem *m) { CHK(d); Mem2 x={.version=sizeof x|2u<<24}; int r=nvmlDeviceGetMemoryInfo_v2(d,&x); if (r) return r;
    m->total=x.total; m->free=x.free; m->used=x.total-x.free; return OK; }
API nvmlDeviceGetBAR1MemoryInfo(Dev *d, Mem *m) { CHK(d); m->total=256<<20; m->used=1<<20; m->free=255<<20; return OK; }
API nvmlDeviceGetUtilizationRates(Dev *d, u32 u[2]) { CHK(d); NOT_OF_MIG(d); u[0]=num(d->idx,"util",0); u[1]=num(d->idx,"mem_util",0); return OK; }
API nvmlDeviceGetEncoderUtilization(Dev *d, u32 *u, u32 *p) { CHK(d); *u=0; *p=167000; return OK; }
API nvmlDeviceGetDecoderUtilization(Dev *d, u32 *u, u32 *p) { CHK(d); *u=0; *p=167000; return OK; }
API nvmlDeviceGetTemperature(Dev *d, int s, u32 *t) { CHK(d); NOT_OF_MIG(d); (void)s; *t=num(d->idx,"temp",35); return OK; }
typedef struct { u32 version; int sensor, temp; } TempV;
API nvmlDeviceGetTemperatureV(Dev *d, TempV *t) { CHK(d); NOT_OF_MIG(d); t->temp=num(d->idx,"temp",35); return OK; }
API nvmlDeviceGetTemperatureThreshold(Dev *d, int k, u32 *t) { CHK(d); (void)k; *t=90; return OK; }
API nvmlDeviceGetPowerUsage(Dev *d, u32 *p) { CHK(d); NOT_OF_MIG(d); *p=num(d->idx,"power",55)*1000; return OK; }
API nvmlDeviceGetPowerManagementLimit(Dev *d, u32 *p) { CHK(d); *p=num(d->idx,"power_limit",400)*1000; return OK; }
API nvmlDeviceGetEnforcedPowerLimit(Dev *d, u32 *p) { return nvmlDeviceGetPowerManagementLimit(d,p); }
API nvmlDeviceGetTotalEnergyConsumption(Dev *d, u64 *e) { CHK(d); *e=num(d->idx,"energy",0); return OK; }
API nvmlDeviceGetFanSpeed(Dev *d, u32 *p) { CHK(d); (void)p; return NOSUP; }
/* asked for by nvitop: not there on Linux, or nothing to tell */
API nvmlDeviceGetDriverModel(Dev *d, int *c, int *p) { CHK(d); (void)c; (void)p; return NOSUP; }
API nvmlDeviceGetDriverModel_v2(Dev *d, int *c, int *p) { return nvmlDeviceGetDriverModel(d,c,p); }
API nvmlDeviceGetProcessUtilization(Dev *d, void *u, u32 *n, u64 since) { CHK(d); (void)u; (void)since; *n=0; return NOTFOUND; }
typedef struct { u32 field, scope; long long timestamp, latency; int type, ret; union { double d; u32 u; u64 ull; } value; } Field;
API nvmlDeviceGetFieldValues(Dev *d, int n, Field *v) { CHK(d); NOT_OF_MIG(d); for (int i=0;i<n;i++) { double r=num(d->idx,"recovery",-1);
    v[i].type=1; v[i].ret=v[i].field==230 && r>=0 ? OK : NOSUP; v[i].value.u=(u32)(r<0?0:r); } return OK; }
API nvmlDeviceGetCurrentClocksEventReasons(Dev *d, u64 *r) { CHK(d); NOT_OF_MIG(d); *r=num(d->idx,"clocks",0); return OK; }
API nvmlDeviceGetCurrentClocksThrottleReasons(Dev *d, u64 *r) { CHK(d); NOT_OF_MIG(d); *r=num(d->idx,"clocks",0); return OK; }
API nvmlDeviceGetPerformanceState(Dev *d, u32 *p) { CHK(d); *p=0; return OK; }
API nvmlDeviceGetPersistenceMode(Dev *d, u32 *p) { CHK(d); *p=1; return OK; }
API nvmlDeviceGetDisplayMode(Dev *d, u32 *p) { CHK(d); *p=0; return OK; }
API nvmlDeviceGetDisplayActive(Dev *d, u32 *p) { CHK(d); *p=0; return OK; }
API nvmlDeviceGetComputeMode(Dev *d, u32 *p) { CHK(d); NOT_OF_MIG(d); *p=num(d->idx,"compute_mode",0); return OK; }
API nvmlDeviceGetCudaComputeCapability(Dev *d, int *a, int *b) { CHK(d); int c=num(d->idx,"cc",80); *a=c/10; *b=c%10; return OK; }
API nvmlDeviceGetMigMode(Dev *d, u32 *c, u32 *p) { CHK(d); NOT_OF_MIG(d); *c=num(d->idx,"mig",0); *p=num(d->idx,"mig_pending",*c); return OK; }
API nvmlDeviceGetMaxMigDeviceCount(Dev *d, u32 *c) { CHK(d); *c=num(d->idx,"mig",0)?7:0; return OK; }
API nvmlDeviceGetMigDeviceHandleByIndex(Dev *d, u32 i, Dev **m) { int gi,ci; double mib; CHK(d);
    if (i>=MAXM || !migs(d->idx,i,&gi,&ci,&mib)) return NOTFOUND; *m=&instances[d->idx][i]; return OK; }
API nvmlDeviceIsMigDeviceHandle(Dev *d, u32 *y) { CHK(d); *y=d->mig>=0; return OK; }
API nvmlDeviceGetDeviceHandleFromMigDeviceHandle(Dev *d, Dev **p) { CHK(d); if (d->mig<0) return BADARG; *p=&devs[d->idx]; return OK; }
API nvmlDeviceGetGpuInstanceId(Dev *d, u32 *g) { int ci; double mib; CHK(d); if (d->mig<0) return NOSUP; migs(d->idx,d->mig,(int *)g,&ci,&mib); return OK; }
API nvmlDeviceGetComputeInstanceId(Dev *d, u32 *c) { int gi; double mib; CHK(d); if (d->mig<0) return NOSUP; migs(d->idx,d->mig,&gi,(int *)c,&mib); return OK; }
API nvmlDeviceGetClockInfo(Dev *d, int t, u32 *c) { CHK(d); *c=t==2?1215:1410; return OK; }
API nvmlDeviceGetMaxClockInfo(Dev *d, int t, u32 *c) { return nvmlDeviceGetClockInfo(d,t,c); }
API nvmlDeviceGetPcieThroughput(Dev *d, int c, u32 *v) { CHK(d); (void)c; *v=0; return OK; }
API nvmlDeviceGetTotalEccErrors(Dev *d, int type, int counter, u64 *n) { CHK(d); NOT_OF_MIG(d); (void)counter; *n=num(d->idx,type?"ecc_uncorr":"ecc_corr",0); return OK; }
API nvmlDeviceGetEccMode(Dev *d, u32 *c, u32 *p) { CHK(d); *c=*p=1; return OK; }
API nvmlDeviceGetRemappedRows(Dev *d, u32 *c, u32 *u, u32 *pend, u32 *fail) { CHK(d); NOT_OF_MIG(d); *c=0; *u=num(d->idx,"remap",0); *pend=num(d->idx,"remap_pending",*u>0); *fail=num(d->idx,"remap_failed",0); return OK; }
API nvmlDeviceGetRetiredPages(Dev *d, int cause, u32 *n, u64 *a) { CHK(d); (void)a; u32 c=cause?num(d->idx,"retired",0):0; if (!a && c) { *n=c; return SMALL; } *n=c; for (u32 i=0;a&&i<c;i++) a[i]=i; return OK; }
typedef struct { char legacy[16]; u32 domain, bus, device, id, sub; char busId[32]; } Pci;
API nvmlDeviceGetPciInfo_v3(Dev *d, Pci *p) { CHK(d); NOT_OF_MIG(d); memset(p,0,sizeof *p); p->bus=num(d->idx,"bus",d->idx+1); p->id=0x20B010DE; p->sub=0x134F10DE;
    snprintf(p->legacy,16,"0000:%02X:00.0",p->bus); snprintf(p->busId,32,"00000000:%02X:00.0",p->bus); return OK; }
typedef struct { u32 pid; u64 mem; u32 gi, ci; } Proc;
static int procs(Dev *d, const char *key, u32 *n, Proc *out) { char b[216], k[96]; str(d->idx,of(d,key,k,sizeof k),"",b,sizeof b); u32 c=0, cap=*n; Proc tmp[64];
    for (char *s=b; *s && c<64; ) { char *e; u32 pid=strtoul(s,&e,10); double m=*e==':'?strtod(e+1,&e):0; if (e==s) break;
        tmp[c++] = (Proc){pid,(u64)(m*1048576.0),~0u,~0u}; s=e; while (*s==','||*s==' ') s++; }
    *n=c; if (c && (!out || cap<c)) return SMALL; if (c) memcpy(out,tmp,c*sizeof *tmp); return OK; }
API nvmlDeviceGetComputeRunningProcesses_v3(Dev *d, u32 *n, Proc *p) { CHK(d); return procs(d,"proc",n,p); }
API nvmlDeviceGetComputeRunningProcesses_v2(Dev *d, u32 *n, Proc *p) { CHK(d); return procs(d,"proc",n,p); }
API nvmlDeviceGetGraphicsRunningProcesses_v3(Dev *d, u32 *n, Proc *p) { CHK(d); return procs(d,"gproc",n,p); }
API nvmlDeviceGetMPSComputeRunningProcesses_v3(Dev *d, u32 *n, Proc *p) { CHK(d); return procs(d,"mps",n,p); }
/* topology: same switch -> SINGLE(10), same numa -> NODE(40), else SYSTEM(50) */
static int level(int a, int b) { return a==b?0: num(a,"switch",a/2)==num(b,"switch",b/2)?10: num(a,"numa",0)==num(b,"numa",0)?40:50; }
API nvmlDeviceGetTopologyCommonAncestor(Dev *a, Dev *b, int *l) { CHK(a); CHK(b); *l=level(a->idx,b->idx); return OK; }
API nvmlDeviceGetTopologyNearestGpus(Dev *d, int l, u32 *n, Dev **out) { CHK(d); u32 c=0; for (int i=0;i<MAXD;i++)
    if (there(i) && i!=d->idx && level(d->idx,i)==l) { if (out && c<*n) out[c]=&devs[i]; c++; } *n=c; return OK; }
API nvmlDeviceGetP2PStatus(Dev *a, Dev *b, int k, int *s) { CHK(a); CHK(b); int t[18], near=level(a->idx,b->idx)<=10, joined=0;
    int c=list(a->idx,"nvlink_to",t,18); for (int i=0;i<c;i++) joined|=t[i]==b->idx || t[i]<0;
    *s=k==2 ? (joined?0:5) : (near||joined)?0:2; return OK; }
API nvmlDeviceGetNvLinkState(Dev *d, u32 l, u32 *up) { int t[18]; CHK(d); NOT_OF_MIG(d); if (l>=18) return BADARG;
    int c=list(d->idx,"nvlink_to",t,18); *up=l<(u32)(c>=0?c:num(d->idx,"nvlink",0)); return OK; }
API nvmlDeviceGetNvLinkRemotePciInfo_v2(Dev *d, u32 l, Pci *p) { int t[18]; CHK(d); NOT_OF_MIG(d); int c=list(d->idx,"nvlink_to",t,18);
    if ((int)l>=c) return NOSUP; memset(p,0,sizeof *p); if (t[l]<0) { p->bus=0xC0; p->id=0x1AF010DE; } else p->bus=num(t[l],"bus",t[l]+1);
    snprintf(p->busId,32,"00000000:%02X:00.0",p->bus); return OK; }
API nvmlDeviceGetNumaNodeId(Dev *d, u32 *n) { CHK(d); *n=num(d->idx,"numa",0); return OK; }
API nvmlDeviceGetCpuAffinity(Dev *d, u32 n, unsigned long *m) { CHK(d); memset(m,0,n*sizeof *m); m[0]=(unsigned long)num(d->idx,"cpus",(1L<<sysconf(_SC_NPROCESSORS_ONLN))-1); return OK; }
API nvmlDeviceGetMemoryAffinity(Dev *d, u32 n, unsigned long *m, int s) { CHK(d); (void)s; memset(m,0,n*sizeof *m); m[0]=1ul<<(int)num(d->idx,"numa",0); return OK; }
/* Xid events: a changed <dev>.xid, or <dev>.xid_seq, is delivered once to each set that registered the device */
typedef struct { u64 types[MAXD]; long last[MAXD]; } Set; typedef struct { Dev *dev; u64 type, data; u32 gi, ci; } Ev;
static long xkey(int i) { return (long)num(i,"xid",0)*100000L + (long)num(i,"xid_seq",0); }
API nvmlEventSetCreate(Set **s) { ASK(); *s=calloc(1,sizeof **s); return OK; }
API nvmlEventSetFree(Set *s) { free(s); return OK; }
API nvmlDeviceGetSupportedEventTypes(Dev *d, u64 *t) { CHK(d); *t=0x1f; return OK; }
API nvmlDeviceRegisterEvents(Dev *d, u64 t, Set *s) { CHK(d); NOT_OF_MIG(d); s->types[d->idx]|=t; s->last[d->idx]=xkey(d->idx); return OK; }
API nvmlEventSetWait_v2(Set *s, Ev *e, u32 ms) { ASK(); for (u32 t=0;;t+=5) { for (int i=0;i<MAXD;i++) if (s->types[i]&8) { long k=xkey(i);
        if (k!=s->last[i]) { s->last[i]=k; int x=num(i,"xid",0); if (x) { *e=(Ev){&devs[i],8,x,(u32)num(i,"xid_gi",~0u),(u32)num(i,"xid_ci",~0u)}; return OK; } } }
    if (t>=ms) return TIMEOUT; usleep(5000); } }
