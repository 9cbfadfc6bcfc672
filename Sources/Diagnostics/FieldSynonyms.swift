/// Names that other programs in the field use for what has another name here.
enum FieldSynonyms {
  /// The names that `name` may stand for, the likeliest first; `nil` where it is not a known word.
  static func meanings(of name: String) -> [String]? { byWord[fold(name)] }

  /// The first 128 bytes in small letters, without `-` and `_`.
  static func fold(_ name: String) -> String {
    String(decoding: name.lowercased().utf8.prefix(128).filter { $0 != 0x2D && $0 != 0x5F }, as: UTF8.self)
  }

  /// Long names of flags by the short ones of other programs.
  static let shortFlags: [String: String] = [
    "-V": "version", "-v": "version", "-h": "help", "-o": "output", "-q": "quiet", "-e": "epochs", "-b": "batch-size",
    "-w": "weights", "-j": "workers", "-n": "workers", "-r": "resume", "-s": "seed", "-f": "overwrite",
  ]

  /// One line per meaning: the names here, then what else they are called. Where the names are missing, the words are
  /// known in the field and stand for nothing here.
  private static let table: [(names: [String], words: String)] = [
    // Commands.
    (["train"], "fit learn"),
    (["evaluate", "test"], "eval validate val valid validation score accuracy"),
    (["predict"], "infer inference classify"),
    (["export"], "to_onnx onnx save_model"),
    (["import"], "from_pytorch from_keras from_torchvision"),
    (["completions"], "completion autocomplete"),
    (["bench throughput"], "benchmark perf profile speed"),
    (["tune"], "autotune search optimize"),
    (["gradcheck"], "gradient_check check_gradients check"),
    (["topology"], "hardware numa lscpu hwloc machine"),
    (["config"], "configuration show print dump settings"),
    // Flags and keys of training.
    (["lr"], "learning_rate eta step_size base_lr initial_lr lr0"),
    (["lr_schedule"], "scheduler lr_scheduler schedule learning_rate_schedule"),
    (["epochs"], "epoch num_epochs n_epochs max_epochs nb_epoch"),
    (["batch_size"], "batch bs batchsize mini_batch mini_batch_size global_batch_size train_batch_size"),
    (["weight_decay"], "wd decay l2 regularization l2_regularization"),
    (["optimizer"], "optim solver opt"),
    (["momentum"], "mom mu"),
    (["nesterov"], "use_nesterov nesterov_momentum"),
    (["seed"], "random_seed rng_seed random_state manual_seed"),
    (
      ["workers"], "world_size num_workers n_workers n_jobs jobs threads num_threads n_threads nthreads nproc processes"
    ),
    (["workers"], "cores num_cores np"),
    (["shard_size"], "shard micro_batch micro_batch_size microbatch chunk_size grain_size"),
    (["use_smt"], "smt hyperthreading hyper_threads ht"),
    (["policy", "placement"], "affinity pinning bind bind_to binding proc_bind"),
    (["nodes"], "numa_nodes sockets cpunodebind"),
    (["cpus"], "cpu_list cpuset cpu_set taskset physcpubind"),
    (["huge_pages"], "thp hugepages transparent_huge_pages"),
    (["output"], "out out_dir output_dir run_dir save_dir log_dir logdir dest directory"),
    (["weights"], "checkpoint_path ckpt load pretrained load_weights model_path init_from"),
    (["resume"], "restore continue resume_from restart resume_from_checkpoint"),
    (["overwrite"], "force clobber"),
    (["quiet"], "silent"),
    (["no_progress"], "no_progress_bar noprogressbar no_bar"),
    (["set"], "define override param option"),
    // Keys of checkpoints and logging.
    (["every_epochs"], "save_every checkpoint_every save_freq save_interval"),
    (["every_steps"], "log_every log_interval print_freq print_every log_freq logging_steps save_steps"),
    (["keep_last"], "max_to_keep keep save_total_limit save_top_k"),
    (["keep_best"], "save_best save_best_only"),
    // Keys of data.
    (["test"], "testing test_set valid_set validation_set val_set"),
    (["train"], "training_set train_set trainset"),
    (["std"], "stddev sigma stdev standard_deviation"),
    (["mean"], "average"),
    (["classes"], "num_classes n_classes nb_classes labels_count"),
    (["examples"], "samples num_samples n_samples num_examples"),
    (["images"], "image"),
    (["labels"], "label targets target"),
    (["scale"], "rescale divide"),
    // Layers and their keys.
    (["conv2d"], "conv convolution convolution2d conv_2d"),
    (["depthwise_conv2d"], "depthwise depthwise_conv depthwise_convolution separable_conv2d"),
    (["dense"], "linear fc fully_connected inner_product affine gemm"),
    (["max_pool2d"], "max_pool max_pooling max_pooling2d pool pooling"),
    (["avg_pool2d"], "avg_pool average_pool average_pooling2d average_pool2d avg_pooling2d mean_pool"),
    (["global_avg_pool2d"], "global_average_pooling2d global_avg_pool gap global_pool adaptive_avg_pool2d"),
    (["softmax"], "cross_entropy softmax_cross_entropy log_softmax"),
    (["flatten"], "reshape view"),
    (["batch_norm"], "batch_norm batchnorm2d batch_normalization bn"),
    (["filters"], "out_channels num_filters features_out channels_out"),
    (["units"], "out_features neurons hidden hidden_size num_outputs"),
    (["kernel_size"], "kernel filter_size ksize kernel_shape"),
    (["groups"], "group num_groups feature_group_count cardinality"),
    (["dilation_rate"], "dilation dilations dilation_rates atrous"),
    (["use_bias"], "bias has_bias with_bias"),
    (["depth_multiplier"], "channel_multiplier depth_mult"),
    (["strides"], "stride subsampling"),
    (["padding"], "pad pads border"),
    (["pool_size"], "window window_size pool_shape"),
    (["input"], "input_shape input_size image_size shape"),
    (["layers"], "net network architecture arch stack"),
    // Known, and not what they resemble here.
    (["leaky_relu"], "leaky_relu lrelu"), (["gelu"], "gelu"), (["silu"], "silu swish"), (["dropout"], "dropout"),
    (["adam"], "adam"), (["adamw"], "adamw"), (["rmsprop"], "rmsprop"), (["cosine"], "cosine cosine_annealing"),
    ([], "elu selu celu relu6 prelu sigmoid tanh layer_norm group_norm instance_norm conv1d conv3d gpu cuda device"),
    ([], "distributed port host master_addr rank"),
  ]

  private static let byWord: [String: [String]] = {
    var meanings: [String: [String]] = [:]
    for (names, words) in table {
      for word in words.split(separator: " ") { meanings[fold(String(word)), default: []] += names }
    }
    return meanings
  }()
}
