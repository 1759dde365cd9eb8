"""Effect of raising each parameter on the picture, in Chinese and English, for docs/*/parameters.md."""

EFFECTS: dict[str, tuple[str, str]] = {
    "rand_mag": ("各副本差别更大，画面更随意", "the copies differ more, the picture follows the prompt more loosely"),
    "size": (
        "时间和内存大致按面积增加；远大于模型学习的尺寸时请配合 `refine`",
        "time and memory grow with the area; far above the trained size, use `refine` too",
    ),
    "upscale": (
        "在同样大小下画得更快，细节由放大模型补出",
        "faster at the same size; the upscaler adds the details",
    ),
    "n_batches": ("多画几批，时间按倍数增加", "more batches; time multiplies"),
    "batch_size": ("更多幅一步一步同时画，时间按倍数增加", "more pictures in parallel steps; time multiplies"),
    "init_scale": ("更接近底图，更不像画题", "closer to the initial image, further from the prompt"),
    "skip_steps": ("保留更多底图，时间减少", "keeps more of the initial image, takes less time"),
    "strength": (
        "改动更大，时间增加；1 只保留大致的颜色",
        "changes more, takes more time; at 1 nothing of the picture remains",
    ),
    "feather": ("接缝更柔和，遮罩内改动的部分更少", "softer seam, less of the mask is changed"),
    "steps": ("细节更多，时间按倍数增加", "more detail; time multiplies"),
    "spacing": ("该段步距变大，步数变少，更快但更粗糙", "longer steps in that part: faster and coarser"),
    "recurrence": ("画面更完整，各幅更相似，时间按倍数增加", "more coherent, pictures more alike; time multiplies"),
    "refine": (
        "放大后重画更多步：细节更多，构图变化更大，更慢",
        "more steps at full size: more detail, larger changes, slower",
    ),
    "sketches": ("候选更多，更符合画题，更慢", "more candidates: closer to the prompt, slower"),
    "eta": (
        "每步加入更多新噪声，纹理更丰富，太大则杂乱",
        "more fresh noise per step: richer texture, noisy if too large",
    ),
    "jitter": ("网络留下的方格更少，太大则边缘模糊", "less of a grid, blurred edges if too large"),
    "clip_guidance_scale": (
        "更符合画题，太大则颜色过浓、纹理杂乱",
        "closer to the prompt, garish and noisy if too large",
    ),
    "tv_scale": ("更平滑，细节更少", "smoother, less detail"),
    "range_scale": ("颜色更少溢出，对比更弱", "fewer clipped colours, less contrast"),
    "sat_scale": ("颜色更淡", "less saturated"),
    "clamp_max": (
        "引导更强，更符合画题，太大则有花纹",
        "stronger guidance, closer to the prompt, patterns if too large",
    ),
    "guidance_every": ("更快，画题的影响略弱", "faster, slightly weaker influence of the prompt"),
    "use_secondary": ("0 用 U-Net 引导，1 用小网络引导", "0 guides through the U-Net, 1 through the small network"),
    "guide_through": (
        "estimate 最快，secondary 与 unet 更准也更慢",
        "estimate is the fastest; secondary and unet are more exact and slower",
    ),
    "cutn_batches": ("引导更稳定，时间按倍数增加", "steadier guidance; time multiplies"),
    "cut_overview": ("更注重整体构图，更慢", "more attention to the whole composition, slower"),
    "cut_innercut": ("更注重局部细节，更慢", "more attention to details, slower"),
    "cut_ic_pow": ("局部切片更小，细节更多，整体更弱", "smaller inner cutouts: more detail, weaker composition"),
    "cut_icgray_p": ("更注重形状，更少注重颜色", "more attention to shape, less to colour"),
    "cut_focus": ("长画幅上更集中为一个主题", "on a long canvas, one subject instead of several"),
    "memory": ("允许更快的方式，画面不变", "allows faster options, same picture"),
    "display_rate": ("预览更少，文件更少", "fewer previews and files"),
    "guidance_scale": ("更符合画题，太大则颜色过浓", "closer to the prompt, garish if too large"),
    "threads": ("更快；超过处理器核数会变慢", "faster; slower beyond the number of cores"),
}
