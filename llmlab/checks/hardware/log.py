"""Lines of oneDNN's log, as versions 3.0 to 3.12 write it, and how they are read."""

import re

TODAY = (
    "onednn_verbose,v1,primitive,info,template:operation,engine,primitive,"
    "implementation,prop_kind,memory_descriptors,attributes,auxiliary,problem_desc,"
    "exec_time"
)
OLD = (
    "onednn_verbose,info,prim_template:operation,engine,primitive,implementation,"
    "prop_kind,memory_descriptors,attributes,auxiliary,problem_desc,exec_time"
)
GRAPH = (
    "onednn_verbose,v1,graph,info,template:operation,engine,partition_id,"
    "partition_kind,op_names,data_formats,logical_tensors,fpmath_mode,implementation,"
    "backend,exec_time"
)
LATER = (  # of a version that is still to come: other names, in another order
    "onednn_verbose,v2,primitive,info,template:engine,operation,exec_time,primitive,"
    "threads,implementation,problem_desc"
)
START = "onednn_verbose,v1,primitive,"
RELU = (
    f"{START}exec,cpu,eltwise,jit:avx2,forward_training,data:f32::blocked:ab::f0,"
    "attr-scratchpad:user,alg:eltwise_relu alpha:0 beta:0,8x64,0.25"
)
LINEAR = (
    "cpu,inner_product,brg_matmul:avx2,forward_inference,src:f32::blocked:ab::f0 "
    "wei:f32:p:blocked:AB16b64a::f0 bia:undef::undef::: dst:f32::blocked:ab::f0,"
    "attr-scratchpad:user,,mb8ic64oc32"
)
INT8 = (
    "cpu,gemm_api,,undef,src_s8::blocked:ab:f0 wei_s8::blocked:ab:f0 "
    "dst_s32::blocked:ab:f0,,,32x64:64x32"
)
REORDER = (
    "cpu,reorder,jit:uni,undef,src:f32::blocked:ab::f0 dst:f32:p:blocked:AB16b64a::f0,"
    "attr-scratchpad:user,,64x32"
)
EXECUTED = (
    f"{START}exec,{LINEAR},0.0258789",
    f"{START}exec,{INT8},5.2019",
    f"{START}exec,{REORDER},12",
)
NOT_EXECUTED = (
    f"{START}create:cache_miss,{REORDER},0.12207",
    f"{START}create:cache_hit,{LINEAR},0.00317",
    f"{START}create:dispatch,{INT8},0.5",
    f"{START}execute,{INT8},0.5",
    f"{START}exec_args,{REORDER},0.5",
    TODAY,
    f"{START}info,cpu,runtime:OpenMP,exec,1,2,3,4,5,6",
)
FOREIGN = (
    "",
    "onednn_verbose,v1,info,oneDNN v3.12.0 (commit 80afa71049cd)",
    "onednn_verbose,v1,info,cpu,runtime:OpenMP,nthr:1",
    "MKL_VERBOSE SGEMM(T,N,32,8,64,0x7fff570c73c0,0x5581,64,0x5590,64,0x7fff,0x55a0,"
    "32) 127.56us CNR:OFF Dyn:1 FastMM:1 TID:0  NThr:1",
    "step 3: loss 2.31, exec 0.25",
    f"step 3 {START}exec,{LINEAR},0.25",  # a program's text before it
    f"onednn_verbose,exec,{LINEAR},0.25",  # of another version
    f"exec,{LINEAR},0.25",  # its beginning is lost
    f"onednn_verbose,v1,graph,exec,{LINEAR},0.25",
)
BROKEN = (
    f"{START}exec,{LINEAR}",
    f"{START}exec,cpu,inner_product",
    f"{START}exec,{LINEAR},0.25,0.75",
    START,
)
OTHERS = (
    (f"onednn_verbose,exec,{LINEAR},0.25", OLD),
    (f"onednn_verbose,create:cache_miss,{LINEAR},0.25", OLD),
    (f"{START}exec,{LINEAR},0.25", OLD),
    (
        "onednn_verbose,v1,graph,exec,cpu,100002,matmul_post_ops,mm;relu,,in0_f32:0 "
        "in1_f32:1 out0_f32:2,fpm:strict,larger_partition_kernel_t,dnnl_backend,0.0625",
        GRAPH,
    ),
    ("onednn_verbose,v2,primitive,cpu,exec,2.5,matmul,8,brg:avx2,8x64:64x32", LATER),
    ("onednn_verbose,v2,primitive,exec,cpu,2.5,matmul,8,brg:avx2,8x64:64x32", LATER),
)


def prefix(template: str) -> str:
    """Return how the lines of a template begin."""
    return template.partition("info,")[0]


def names(template: str) -> list[str]:
    """Return the names of the fields."""
    return template.partition(":")[2].split(",")


def values(line: str, start: str, *, parts: str = ",") -> list[str]:
    """Return what follows the prefix, parted at any of these characters."""
    return re.split(f"[{parts}]", line[len(start) :])


def broken(text: str) -> list[str]:
    """Return a text in pieces that fit the page, broken behind commas."""
    pieces = [""]
    for field in re.findall("[^,]*,?", text):
        if len(pieces[-1]) + len(field) > 72:
            pieces.append("")
        pieces[-1] += field
    return pieces
