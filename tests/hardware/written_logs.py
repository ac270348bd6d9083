"""Lines as oneDNN of several versions and MKL write them."""

FIELDS = (
    "operation,engine,primitive,implementation,prop_kind,memory_descriptors,"
    "attributes,auxiliary,problem_desc,exec_time"
)
V12 = "onednn_verbose,v1,primitive,info,template:" + FIELDS  # oneDNN 3.6 and later
V2 = "onednn_verbose,primitive,info,template:" + FIELDS  # 3.2 to 3.5
V0 = "onednn_verbose,info,prim_template:" + FIELDS  # 3.0
GRAPH = (
    "onednn_verbose,v1,graph,info,template:operation,engine,partition_id,"
    "partition_kind,op_names,data_formats,logical_tensors,fpmath_mode,implementation,"
    "backend,exec_time"
)
NEW_TENSORS = "src:f32::blocked:ab::f0 wei:f32:p:blocked:AB16b64a::f0 bia:undef::undef"
NEW = (
    f"inner_product,brg_matmul:avx2,forward_inference,{NEW_TENSORS}::: "
    "dst:f32::blocked:ab::f0"
)
NEW_END = "attr-scratchpad:user,,mb8ic64oc32,0.25"
OLD = (
    "inner_product,brgemm:avx2,forward_inference,src_f32::blocked:ab:f0 "
    "wei_f32::blocked:AB8b32a:f0 bia_undef::undef::f0 dst_f32::blocked:ab:f0,"
    "attr-scratchpad:user ,,mb8ic64oc32,0.25"
)
SGEMM = (
    "MKL_VERBOSE SGEMM(T,N,32,8,64,0x7fff570c73c0,0x55745e2e07c0,64,0x557459096e00,64,"
    "0x7fff570c73e0,0x55745908f440,32) 127.56us CNR:OFF Dyn:1 FastMM:1 TID:0  NThr:1"
)
HEAD = "MKL_VERBOSE oneMKL 2024.0 Update 2 Product build 20240605 for Intel(R) 64, Lnx"
LINES = {
    V12: f"onednn_verbose,v1,primitive,exec,cpu,{NEW},{NEW_END}",
    V2: f"onednn_verbose,primitive,exec,cpu,{OLD}",
    V0: f"onednn_verbose,exec,cpu,{OLD}",
}
