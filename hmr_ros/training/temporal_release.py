def release(network, task, out_folder, origin):
    raise NotImplementedError
